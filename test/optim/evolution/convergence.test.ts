import { cmaES, type Evolution, genetic, minimise, muLambda, openaiES } from "nabla/optim";
import { describe, expect, test } from "vitest";
import { ellipsoid, ellipsoidOf, type Loss, rastrigin, rosenbrock, sphere } from "./shared.ts";

describe("convergence", () => {
  const least = async (
    f: Loss,
    search: Evolution,
    start: readonly number[],
    generations: number,
    target: number,
  ) => (await minimise(f, search, { start, generations, target })).loss;
  const from = (n: number, value: number) => Array.from({ length: n }, () => value);

  test.each([0, 1, 2])("cmaES, seed %i: sphere, ellipsoid, Rosenbrock", async (seed) => {
    const search = cmaES({ sigma: 0.5, seed });
    expect(await least(sphere, search, from(10, 2), 400, 1e-14)).toBeLessThan(1e-14);
    expect(await least(ellipsoid, search, from(8, 1), 600, 1e-12)).toBeLessThan(1e-12);
    expect(await least(rosenbrock, search, from(5, 0), 600, 1e-12)).toBeLessThan(1e-8);
  });

  test("cmaES without negative weights, of one number, and of a large population", async () => {
    expect(await least(rosenbrock, cmaES({ active: false }), from(5, 0), 800, 1e-9)).toBeLessThan(1e-8);
    expect(await least(sphere, cmaES(), [3], 200, 1e-12)).toBeLessThan(1e-12);
    expect(await least(rastrigin, cmaES({ sigma: 2, population: 200 }), from(5, 3), 200, 1e-8)).toBeLessThan(
      1e-8,
    );
  });

  test("diagonal cmaES: an ellipsoid of 40 numbers", async () => {
    const search = cmaES({ diagonal: true, sigma: 0.5 });
    expect(await least(ellipsoid, search, from(40, 1), 1200, 1e-8)).toBeLessThan(1e-8);
  });

  test("openaiES: sphere, ellipsoid; Rastrigin falls", async () => {
    const fall = (t: number) => 0.98 ** t;
    const adam = openaiES({ sigma: (t) => 0.3 * fall(t), learningRate: (t) => 0.2 * fall(t) });
    expect(await least(sphere, adam, from(10, 2), 600, 1e-8)).toBeLessThan(1e-8);
    expect(await least(ellipsoidOf(1e4), adam, from(4, 1), 600, 1e-7)).toBeLessThan(1e-7);
    const sgd = openaiES({
      optimizer: "sgd",
      sigma: (t) => 0.3 * fall(t),
      learningRate: (t) => 0.3 * fall(t) ** 2,
    });
    expect(await least(sphere, sgd, from(5, 2), 600, 1e-8)).toBeLessThan(1e-6);
    expect(await least(rastrigin, adam, from(3, 2.2), 300, 1e-3)).toBeLessThan(
      rastrigin(new Float64Array(3).fill(2)),
    );
  });

  test("muLambda: sphere in every way, ellipsoid with a step for each number", async () => {
    for (const recombination of ["intermediate", "discrete", "none"] as const) {
      for (const selection of ["comma", "plus"] as const) {
        const search = muLambda({ recombination, selection, sigma: 0.5 });
        expect(
          await least(sphere, search, from(5, 2), 300, 1e-10),
          `${recombination} ${selection}`,
        ).toBeLessThan(1e-10);
      }
    }
    const each = muLambda({ steps: "each" });
    expect(await least(ellipsoid, each, from(5, 1), 600, 1e-8)).toBeLessThan(1e-8);
    const wide = muLambda({ sigma: 3, parents: 30, recombination: "discrete" });
    expect(await least(rastrigin, wide, from(3, 2.2), 200, 1e-6)).toBeLessThan(1e-6);
  });

  test("genetic: sphere, ellipsoid; Rastrigin with every crossover", async () => {
    const search = genetic({ sigma: (t) => Math.max(1e-5, 0.97 ** t) });
    expect(await least(sphere, search, from(5, 2), 400, 1e-6)).toBeLessThan(1e-6);
    expect(await least(ellipsoid, search, from(4, 1), 500, 1e-3)).toBeLessThan(1e-3);
    for (const crossover of ["blend", "uniform", "point"] as const) {
      const wide = genetic({ crossover, sigma: (t) => 0.98 ** t, population: 100 });
      expect(await least(rastrigin, wide, from(4, 2.2), 400, 1e-2), crossover).toBeLessThan(0.1);
    }
  });
});
