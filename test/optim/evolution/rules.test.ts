import { cmaES, evolutionFromJson, genetic, muLambda, openaiES } from "nabla/optim";
import { describe, expect, test } from "vitest";
import { drawsOf } from "../../../src/optim/evolution/draws.ts";
import { centredRanks } from "../../../src/optim/evolution/openai-es.ts";
import { off, sphere } from "./shared.ts";

describe("the rules", () => {
  test("openaiES: pairs of opposite noise, and the formula of its step", () => {
    const search = openaiES({
      population: 6,
      sigma: 0.5,
      learningRate: 0.25,
      weightDecay: 0.125,
      optimizer: "sgd",
    });
    const begun = search.init([1, 2]);
    const { candidates, state } = search.ask(begun);
    for (let pair = 0; pair < 3; pair++) {
      [1, 2].forEach((m, j) => {
        const [up, down] = [candidates[2 * pair]?.[j] as number, candidates[2 * pair + 1]?.[j] as number];
        expect(up - m).toBeCloseTo(m - down, 14);
        expect(up).not.toBe(down);
      });
    }
    const losses = [3, 1, 2, 9, 9, 0];
    // Ranks of the losses: 3, 1, 2, and 4.5 for both of 9.
    const u = [0.1, -0.3, -0.1, 0.4, 0.4, -0.5];
    expect(off(centredRanks(losses), u)).toBeLessThan(1e-15);
    const told = search.tell(state, losses);
    [1, 2].forEach((m, j) => {
      const sum = candidates.reduce(
        (total, x, i) => total + (u[i] as number) * (((x[j] as number) - m) / 0.5),
        0,
      );
      expect(told.mean[j]).toBeCloseTo(m - 0.25 * (sum / (6 * 0.5) + 0.125 * m), 14);
    });
    expect(search.tell(state, [5, 5, 5, 5, 5, 5]).mean).toEqual(Float64Array.from([1 - 0.03125, 2 - 0.0625]));
  });

  test("openaiES: the first step of adam is the learning rate long in every number", () => {
    const search = openaiES({ population: 10, learningRate: 0.25 });
    const asked = search.ask(search.init([1, 2, 3]));
    const told = search.tell(asked.state, asked.candidates.map(sphere));
    told.mean.forEach((m, j) => {
      expect(Math.abs(m - (j + 1))).toBeCloseTo(0.25, 6);
    });
  });

  test("muLambda: plus keeps parents that no child beats, comma forgets them", () => {
    const told = (selection: "plus" | "comma") => {
      const search = muLambda({ parents: 2, population: 4, selection });
      const first = search.ask(search.init([0, 0]));
      const state = search.tell(first.state, [4, 1, 3, 2]);
      const second = search.ask(state);
      return { first, second, state: search.tell(second.state, [9, 8, 1.5, 7]) };
    };
    const plus = told("plus");
    expect([...plus.state.losses]).toEqual([1, 1.5]);
    expect(plus.state.parents).toEqual([plus.first.candidates[1], plus.second.candidates[2]]);
    const comma = told("comma");
    expect([...comma.state.losses]).toEqual([1.5, 7]);
    expect(comma.state.parents).toEqual([comma.second.candidates[2], comma.second.candidates[3]]);
  });

  test("genetic: elites live on and are not asked for again; children come from parents", () => {
    const search = genetic({ population: 8, elites: 3, mutationRate: 0, crossover: "uniform" });
    const first = search.ask(search.init([0, 10, 20]));
    expect(first.candidates[0]).toEqual(Float64Array.from([0, 10, 20]));
    const state = search.tell(first.state, [7, 6, 5, 4, 3, 2, 1, 0]);
    const second = search.ask(state);
    expect(second.candidates).toHaveLength(5);
    for (const x of second.candidates) {
      x.forEach((value, j) => {
        expect(first.candidates.map((parent) => parent[j])).toContain(value);
      });
    }
    const next = search.tell(second.state, [9, 9, 9, 9, 0.5]);
    expect([...next.losses]).toEqual([0, 0.5, 1, 2, 9, 9, 9, 9]);
    expect(next.population[0]).toEqual(first.candidates[7]);
  });

  test("genetic: one point lies inside, blends reach half a distance beyond", () => {
    for (const crossover of ["point", "blend"] as const) {
      const search = genetic({ population: 50, crossover, crossoverRate: 1, mutationRate: 0, elites: 0 });
      const asked = search.ask(search.init([0, 0]));
      const state = search.tell(asked.state, asked.candidates.map(sphere));
      const range = (list: readonly Float64Array[]) => {
        const values = list.map((x) => x[0] as number);
        return [Math.min(...values), Math.max(...values)] as const;
      };
      const [low, high] = range(state.population);
      const [least, most] = range(search.ask(state).candidates);
      const room = crossover === "blend" ? (high - low) / 2 : 0;
      expect(least).toBeGreaterThanOrEqual(low - room);
      expect(most).toBeLessThanOrEqual(high + room);
    }
  });

  test("draws have the moments of their distributions", () => {
    const { normal, uniform } = drawsOf("test", 0);
    const moment = (x: Float64Array, power: number) => x.reduce((sum, v) => sum + v ** power, 0) / x.length;
    const z = normal(100_001, 3, 2, 1);
    [0, 1, 0, 3].forEach((want, i) => {
      expect(Math.abs(moment(z, i + 1) - want)).toBeLessThan(0.1);
    });
    const u = uniform(100_000, 3, 2, 1);
    expect(u.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(Math.abs(moment(u, 1) - 1 / 2)).toBeLessThan(0.005);
    expect(Math.abs(moment(u, 2) - 1 / 3)).toBeLessThan(0.005);
    expect(normal(5, 3, 2, 1)).toEqual(z.slice(0, 5));
    for (const other of [normal(5, 4, 2, 1), normal(5, 3, 1, 1), normal(5, 3, 2, 0)])
      expect(other).not.toEqual(z.slice(0, 5));
  });
});

describe("options that cannot be", () => {
  const cases: [name: string, make: () => unknown, text: RegExp][] = [
    ["cmaES sigma", () => cmaES({ sigma: 0 }), /cmaES: sigma must be above 0; got 0/],
    [
      "cmaES population",
      () => cmaES({ population: 1 }),
      /population must be a whole number of at least 2; got 1/,
    ],
    ["cmaES fraction", () => cmaES({ population: 4.5 }), /whole number/],
    [
      "cmaES seed",
      () => cmaES({ seed: -1 }),
      /cmaES: the seed must be a whole number from 0 to 2\^53 - 1; got -1/,
    ],
    [
      "cmaES too large",
      () => cmaES().init(new Float64Array(5000)),
      /n must be at most 4096; got 5000.*diagonal: true/,
    ],
    ["openaiES sigma", () => openaiES({ sigma: -1 }), /openaiES: sigma/],
    [
      "openaiES odd",
      () => openaiES({ population: 5 }),
      /population must be even, for pairs of opposite noise; got 5/,
    ],
    ["openaiES rate", () => openaiES({ learningRate: 0 }), /learningRate must be above 0/],
    ["openaiES decay", () => openaiES({ weightDecay: -1 }), /weightDecay must be at least 0; got -1/],
    [
      "openaiES optimizer",
      () => openaiES({ optimizer: "lion" as "sgd" }),
      /must be "adam" or "sgd"; got "lion"/,
    ],
    [
      "openaiES later",
      () => {
        const s = openaiES({ sigma: () => 0 });
        return s.ask(s.init([1]));
      },
      /sigma must be/,
    ],
    ["muLambda sigma", () => muLambda({ sigma: Number.NaN }), /muLambda: sigma/],
    [
      "muLambda parents",
      () => muLambda({ parents: 0 }),
      /parents must be a whole number of at least 1; got 0/,
    ],
    [
      "muLambda comma",
      () => muLambda({ parents: 5, population: 5 }),
      /above the number of parents.*got 5 and 5/,
    ],
    [
      "muLambda selection",
      () => muLambda({ selection: "both" as "plus" }),
      /selection must be one of "comma", "plus"; got "both"/,
    ],
    ["genetic sigma", () => genetic({ sigma: 0 }), /genetic: sigma/],
    ["genetic population", () => genetic({ population: 1 }), /at least 2; got 1/],
    ["genetic elites", () => genetic({ population: 4, elites: 4 }), /elites must be below the population/],
    ["genetic tournament", () => genetic({ population: 4, tournament: 5 }), /tournament at most as large/],
    [
      "genetic rate",
      () => genetic({ mutationRate: 1.5 }),
      /mutationRate must be at least 0 and at most 1; got 1.5/,
    ],
    [
      "genetic crossover",
      () => genetic({ crossover: "two" as "point" }),
      /crossover must be "blend", "uniform" or "point"; got "two"/,
    ],
  ];
  test.each(cases)("%s", (_, make, text) => {
    expect(make).toThrow(text);
    try {
      make();
    } catch (error) {
      expect((error as Error).name).toBe("ConfigError");
    }
  });

  test("text that is no state", () => {
    expect(() => evolutionFromJson("{")).toThrow("must be JSON");
    expect(() => evolutionFromJson("[1]")).toThrow("a state that evolutionToJson wrote");
    expect(() => evolutionFromJson('{"generation": "many"}')).toThrow('got "many" for a number');
  });
});
