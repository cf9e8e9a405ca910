/** Evolutionary searches: CMA-ES against purecma and eigenvalues against NumPy (goldens/evolution.py), convergence, bits and errors. */
import { readFileSync } from "node:fs";
import { deserialize, serialize } from "node:v8";
import { jit, type Tensor, tensor } from "nabla";
import { apply, bceWithLogits, Linear, Sequential, type Tensors, tanh } from "nabla/nn";
import {
  cmaES,
  type Evolution,
  type EvolutionState,
  evolutionFromJson,
  evolutionToJson,
  genetic,
  minimise,
  muLambda,
  openaiES,
  parametersToVector,
  vectorToParameters,
} from "nabla/optim";
import { describe, expect, test } from "vitest";
import { drawsOf } from "../../src/optim/evolution/draws.ts";
import { eigh } from "../../src/optim/evolution/eigh.ts";
import { centredRanks } from "../../src/optim/evolution/openai-es.ts";
import { devices } from "../nn/devices.ts";

interface Told {
  candidates: number[][];
  losses: number[];
  mean: number[];
  sigma: number;
  pathC: number[];
  pathSigma: number[];
  covariance: number[];
}
interface Run {
  start: number[];
  sigma: number;
  population: number;
  active: boolean;
  diagonal: boolean;
  generations: Told[];
}
const golden = JSON.parse(readFileSync(new URL("./goldens/evolution.json", import.meta.url), "utf8")) as {
  cma: Record<string, Run>;
  eigh: Record<string, { matrix: number[]; values: number[] }>;
};

type Loss = (x: Float64Array) => number;
const sphere: Loss = (x) => x.reduce((sum, v) => sum + v * v, 0);
/** Of axes whose curvatures differ by up to `condition`. */
const ellipsoidOf =
  (condition: number): Loss =>
  (x) =>
    x.reduce((sum, v, i) => sum + condition ** (i / (x.length - 1)) * v * v, 0);
const ellipsoid = ellipsoidOf(1e6);
const rosenbrock: Loss = (x) => {
  let sum = 0;
  for (let i = 0; i + 1 < x.length; i++) {
    const [a, b] = [x[i] as number, x[i + 1] as number];
    sum += 100 * (b - a * a) ** 2 + (1 - a) ** 2;
  }
  return sum;
};
const rastrigin: Loss = (x) => x.reduce((sum, v) => sum + v * v - 10 * Math.cos(2 * Math.PI * v) + 10, 0);

/** How far off, in the largest of what is expected. */
function off(got: ArrayLike<number>, want: readonly number[]): number {
  expect(got).toHaveLength(want.length);
  const scale = Math.max(...want.map(Math.abs)) || 1;
  return Math.max(...want.map((value, i) => Math.abs((got[i] as number) - value))) / scale;
}

describe("CMA-ES is purecma with the tutorial's constants", () => {
  test.each(Object.entries(golden.cma))("%s", (_, run) => {
    const { start, generations, ...options } = run;
    const search = cmaES(options);
    let state = search.init(start);
    generations.forEach((want, g) => {
      const candidates = want.candidates.map((x) => Float64Array.from(x));
      state = search.tell(state, want.losses, candidates);
      for (const name of ["mean", "pathC", "pathSigma", "covariance"] as const) {
        expect(off(state[name], want[name]), `${name} after generation ${g}`).toBeLessThan(1e-10);
      }
      expect(Math.abs(state.sigma / want.sigma - 1), `sigma after ${g}`).toBeLessThan(1e-10);
    });
    const all = generations.flatMap(({ losses }) => losses);
    expect(search.best(state).loss).toBe(Math.min(...all));
  });

  test("by default a full matrix learns from negative weights, a diagonal does not", () => {
    const learnt = (options: object) => {
      const search = cmaES({ seed: 3, ...options });
      const asked = search.ask(search.init([1, 2, 3]));
      return search.tell(asked.state, asked.candidates.map(sphere)).covariance;
    };
    expect(learnt({})).toEqual(learnt({ active: true }));
    expect(learnt({})).not.toEqual(learnt({ active: false }));
    expect(learnt({ diagonal: true })).toEqual(learnt({ diagonal: true, active: false }));
  });

  test("eigenvectors are renewed only now and then where learning is slow", () => {
    const search = cmaES({ population: 4 });
    let state = search.init(new Float64Array(60).fill(1));
    const renewed: number[] = [];
    for (let i = 0; i < 4; i++) {
      const asked = search.ask(state);
      state = search.tell(asked.state, asked.candidates.map(sphere));
      renewed.push(state.decomposed);
    }
    expect(renewed).toEqual([0, 2, 2, 4]);
  });

  test("candidates of ask have the mean and the covariance of the state", () => {
    const search = cmaES({ population: 20_000, sigma: 2 });
    const c = [4, 1, 1, 2];
    const { values, vectors } = eigh(Float64Array.from(c), 2);
    const state = {
      ...search.init([1, -1]),
      covariance: Float64Array.from(c),
      axes: vectors,
      lengths: values.map(Math.sqrt),
    };
    const { candidates } = search.ask(state);
    const mean = (of: (x: Float64Array) => number) =>
      candidates.reduce((sum, x) => sum + of(x), 0) / candidates.length;
    const centre = [1, -1];
    const at = (x: Float64Array, i: number) => ((x[i] as number) - (centre[i] as number)) / 2;
    expect(Math.abs(mean((x) => at(x, 0)))).toBeLessThan(0.05);
    expect(Math.abs(mean((x) => at(x, 1)))).toBeLessThan(0.05);
    c.forEach((want, i) => {
      expect(Math.abs(mean((x) => at(x, i >> 1) * at(x, i & 1)) - want)).toBeLessThan(0.15);
    });
  });
});

describe("eigh", () => {
  /** The greatest error of A v = value v and of v . v = identity, relative to the matrix. */
  function residual(matrix: Float64Array, n: number): number {
    const { values, vectors } = eigh(matrix, n);
    const norm = Math.max(...matrix.map(Math.abs)) || 1;
    let worst = 0;
    const v = (k: number, j: number) => vectors[k * n + j] as number;
    for (let k = 0; k < n; k++) {
      for (let i = 0; i < n; i++) {
        let image = 0;
        let inner = 0;
        for (let j = 0; j < n; j++) {
          image += (matrix[i * n + j] as number) * v(k, j);
          inner += v(k, j) * v(i, j);
        }
        worst = Math.max(worst, Math.abs(image - (values[k] as number) * v(k, i)) / norm);
        worst = Math.max(worst, Math.abs(inner - (i === k ? 1 : 0)));
      }
    }
    return worst;
  }

  test.each(Object.entries(golden.eigh))("NumPy's values: %s", (_, { matrix, values }) => {
    const n = values.length;
    expect(off(eigh(Float64Array.from(matrix), n).values, values)).toBeLessThan(1e-14);
    expect(residual(Float64Array.from(matrix), n)).toBeLessThan(1e-14 * Math.max(4, n));
  });

  test.each([17, 60])("a random matrix of %i rows", (n) => {
    const draw = drawsOf("test", n).normal(n * n, 0, 0, 0);
    const matrix = draw.map((x, at) => x + (draw[(at % n) * n + Math.floor(at / n)] as number));
    expect(residual(matrix, n)).toBeLessThan(1e-14 * n);
    expect(eigh(matrix, n).values).toEqual(eigh(matrix, n).values.slice().sort());
  });

  test("reads the lower triangle; far ends of the range", () => {
    expect([...eigh(new Float64Array([2, 99, 1, 2]), 2).values]).toEqual([
      ...eigh(new Float64Array([2, 1, 1, 2]), 2).values,
    ]);
    for (const scale of [1e-150, 1e150]) {
      const matrix = new Float64Array([4, 1, 2, 1, 3, 0, 2, 0, 5]);
      const want = [...eigh(matrix, 3).values].map((value) => value * scale);
      expect(
        off(
          eigh(
            matrix.map((x) => x * scale),
            3,
          ).values,
          want,
        ),
      ).toBeLessThan(1e-14);
    }
  });

  test("refuses other shapes and numbers that are not finite", () => {
    expect(() => eigh(new Float64Array(5), 2)).toThrow("a matrix of 2 rows must have 4 numbers; got 5");
    expect(() => eigh(new Float64Array([1, 0, Number.NaN, 1]), 2)).toThrow("finite");
  });
});

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

const searches: Record<string, (seed: number) => Evolution> = {
  cmaES: (seed) => cmaES({ seed }),
  "cmaES diagonal": (seed) => cmaES({ seed, diagonal: true }),
  openaiES: (seed) => openaiES({ seed, population: 20 }),
  "openaiES sgd": (seed) => openaiES({ seed, population: 20, optimizer: "sgd" }),
  muLambda: (seed) => muLambda({ seed, parents: 4, steps: "each" }),
  "muLambda plus": (seed) => muLambda({ seed, parents: 4, selection: "plus", recombination: "none" }),
  genetic: (seed) => genetic({ seed, population: 20 }),
};

describe.each(Object.entries(searches))("%s", (_, make) => {
  const start = [0.5, -0.25, 1, -0];
  const advance = (search: Evolution, state: EvolutionState, count: number) => {
    let now = state;
    for (let i = 0; i < count; i++) {
      const asked = search.ask(now);
      now = search.tell(asked.state, asked.candidates.map(rosenbrock));
    }
    return now;
  };

  test("equal seeds give equal bits, others others", () => {
    const run = (seed: number) => advance(make(seed), make(seed).init(start), 12);
    expect(run(5)).toStrictEqual(run(5));
    expect(run(5).best.x).not.toEqual(run(6).best.x);
    expect(run(2 ** 40 + 5).best.x).not.toEqual(run(5).best.x);
  });

  test("goes on from a copy, from v8's bytes and from JSON to the same bits; also between ask and tell", () => {
    const search = make(9);
    const early = search.init(start);
    const middle = advance(search, early, 5);
    const end = advance(search, middle, 5);
    const copies: ((state: EvolutionState) => EvolutionState)[] = [
      structuredClone,
      (state) => deserialize(serialize(state)),
      (state) => evolutionFromJson(evolutionToJson(state)),
    ];
    for (const copy of copies) {
      // The first one holds Infinity and -0.
      expect(copy(early)).toStrictEqual(early);
      expect(advance(search, copy(early), 10)).toStrictEqual(end);
      expect(advance(make(9), copy(middle), 5)).toStrictEqual(end);
      const asked = search.ask(middle);
      const told = search.tell(copy(asked.state), asked.candidates.map(rosenbrock));
      expect(advance(search, told, 4)).toStrictEqual(end);
    }
  });

  test("no function writes to the state it is given", () => {
    const search = make(1);
    const state = advance(search, search.init(start), 3);
    const before = structuredClone(state);
    const asked = search.ask(state);
    const waiting = structuredClone(asked.state);
    search.tell(asked.state, asked.candidates.map(sphere));
    search.best(state).x.fill(7);
    expect(state).toStrictEqual(before);
    expect(asked.state).toStrictEqual(waiting);
  });

  test("only the order of losses counts, and those that are not finite come last", () => {
    const search = make(2);
    const asked = search.ask(search.init(start));
    const losses = asked.candidates.map(sphere);
    const worst = losses
      .map((_, i) => i)
      .sort((a, b) => (losses[b] as number) - (losses[a] as number))[0] as number;
    const own = ({ best, ...state }: EvolutionState) =>
      "losses" in state ? { ...state, losses: null } : state;
    const plain = search.tell(asked.state, losses);
    expect(
      own(
        search.tell(
          asked.state,
          losses.map((loss) => 1000 + 3 * loss),
        ),
      ),
    ).toStrictEqual(own(plain));
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const told = search.tell(
        asked.state,
        losses.map((loss, i) => (i === worst ? bad : loss)),
      );
      expect(own(told)).toStrictEqual(own(plain));
      expect(told.best).toStrictEqual(plain.best);
    }
    const nothing = search.tell(
      asked.state,
      losses.map(() => Number.NaN),
    );
    expect(search.best(nothing)).toStrictEqual({
      x: Float64Array.from(start),
      loss: Number.POSITIVE_INFINITY,
    });
    expect(
      search
        .ask(nothing)
        .candidates.flatMap((x) => [...x])
        .every(Number.isFinite),
    ).toBe(true);
  });

  test("candidates stay finite where losses say nothing for long, have no least, or have been at the least for long", async () => {
    const flat = () => 0;
    const none = () => Number.NaN;
    const falls: Loss = (x) => x[0] as number;
    const shifted: Loss = (x) => sphere(x.map((v) => v - 1.1));
    for (const f of [flat, none, falls, shifted]) {
      const search = make(3);
      const { state } = await minimise(f, search, { start, generations: 4000 });
      expect(
        search
          .ask(state)
          .candidates.flatMap((x) => [...x])
          .every(Number.isFinite),
      ).toBe(true);
    }
  });

  test("refuses an empty start and what tell cannot use", () => {
    const search = make(0);
    expect(() => search.init([])).toThrow(/the start must hold at least one number; got none/);
    expect(() => search.init([1, Number.NaN])).toThrow(/finite numbers; got NaN at 1/);
    const { candidates, state } = search.ask(search.init(start));
    const losses = candidates.map(sphere);
    expect(() => search.tell(state, losses.slice(1))).toThrow(
      /one loss for each of \d+ candidates; got \d+ losses/,
    );
    expect(() => search.tell(search.init(start), losses)).toThrow(/Pass the state that ask returned/);
    expect(() => search.tell(state, losses, [])).toThrow(/tell needs candidates/);
    const short = candidates.map((x) => x.slice(1));
    expect(() => search.tell(state, losses, short)).toThrow(/must have 4 numbers each; got 3 in candidate 0/);
    expect(() => search.tell(state, ["1", ...losses.slice(1)] as number[])).toThrow(
      /losses must be numbers; got string/,
    );
  });
});

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

describe("minimise", () => {
  const search = cmaES({ seed: 4 });
  const start = [1, 2, 3];

  test("async, batched and plain objectives give the same", async () => {
    const plain = await minimise(sphere, search, { start, generations: 10 });
    expect(plain).toMatchObject({ reason: "generations", evaluations: 70 });
    expect(plain.loss).toBe(sphere(plain.x));
    expect(await minimise(async (x) => sphere(x), search, { start, generations: 10 })).toStrictEqual(plain);
    const batched = await minimise(async (xs) => Float64Array.from(xs, sphere), search, {
      start,
      generations: 10,
      batch: true,
    });
    expect(batched).toStrictEqual(plain);
  });

  test("goes on from a state; reports; stops at the target", async () => {
    const whole = await minimise(sphere, search, { start, generations: 9 });
    const half = await minimise(sphere, search, { start, generations: 4 });
    const rest = await minimise(sphere, search, { state: half.state, generations: 5 });
    expect(rest.state).toStrictEqual(whole.state);
    const seen: number[] = [];
    const done = await minimise(sphere, search, {
      start,
      generations: 500,
      target: 1e-3,
      onGeneration: async ({ generation, best, losses, state }) => {
        expect(state.generation).toBe(generation);
        expect(losses).toHaveLength(7);
        seen.push(best.loss);
      },
    });
    expect(done.reason).toBe("target");
    expect(done.loss).toBeLessThanOrEqual(1e-3);
    expect(seen.filter((loss) => loss <= 1e-3)).toHaveLength(1);
    expect(seen).toHaveLength(done.state.generation);
    const again = await minimise(sphere, search, { state: done.state, target: 1e-3 });
    expect(again).toMatchObject({ reason: "target", evaluations: 0 });
  });

  test("an aborted generation is dropped", async () => {
    const controller = new AbortController();
    let count = 0;
    const stopped = await minimise(
      (x) => {
        if (++count === 10) controller.abort();
        return sphere(x);
      },
      search,
      { start, signal: controller.signal },
    );
    expect(stopped).toMatchObject({ reason: "aborted", evaluations: 10 });
    expect(stopped.state).toStrictEqual((await minimise(sphere, search, { start, generations: 1 })).state);
    const never = await minimise(sphere, search, { start, signal: AbortSignal.abort() });
    expect(never).toMatchObject({ reason: "aborted", evaluations: 0, loss: Number.POSITIVE_INFINITY });
  });

  test("errors", async () => {
    await expect(minimise(sphere, search, {})).rejects.toThrow("a start or a state");
    await expect(minimise(sphere, search, { start, generations: 1.5 })).rejects.toThrow(
      "generations must be",
    );
    const broken = () => {
      throw new Error("broken");
    };
    await expect(minimise(broken, search, { start })).rejects.toThrow("broken");
    await expect(minimise(() => [1], search, { start, batch: true })).rejects.toThrow(
      "one loss for each of 7",
    );
  });
});

describe.each(devices)("models on %s", (device) => {
  test("parameters become a vector and come back to the bit", async () => {
    const params = {
      b: tensor([0.1, -0, 3], { device }),
      a: {
        w: tensor(
          [
            [1, 2],
            [3, 1e-30],
          ],
          { device },
        ),
        half: tensor([0.5, 0.3], { dtype: "bf16", device }),
      },
    };
    const vector = await parametersToVector(params);
    expect([...vector]).toEqual([0.5, 0.30078125, 1, 2, 3, Math.fround(1e-30), Math.fround(0.1), -0, 3]);
    const back = vectorToParameters(vector, params);
    expect(back.a.half.dtype).toBe("bf16");
    expect(back.a.w).toMatchObject({ shape: [2, 2], device });
    expect(await parametersToVector(back)).toStrictEqual(vector);
    expect(() => vectorToParameters(vector.slice(1), params)).toThrow(
      "as many numbers as the parameters; got 8 for 9",
    );
    await expect(parametersToVector({ i: tensor([1], { dtype: "i32" }) })).rejects.toThrow("got i32 at i");
  });

  test("each search teaches XOR to 33 weights", async () => {
    const model = new Sequential(new Linear(2, 8), tanh, new Linear(8, 1)).init(1);
    const x = tensor(
      [
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
      ],
      { device },
    );
    const y = tensor([[0], [1], [1], [0]], { device });
    const params: Record<string, Tensor> = {};
    for (const [path, value] of Object.entries(model.parameters())) params[path] = await value.to(device);
    const loss = jit((p: Tensors) => apply(model, p, () => bceWithLogits(model.forward(x), y)));
    const of = (v: Float64Array) => loss(vectorToParameters(v, params)).item();
    const start = await parametersToVector(params);
    expect(start).toHaveLength(33);
    const learners: Record<string, Evolution> = {
      cmaES: cmaES({ sigma: 0.5 }),
      diagonal: cmaES({ sigma: 0.5, diagonal: true }),
      openaiES: openaiES({ sigma: 0.2, learningRate: 0.2, population: 32 }),
      muLambda: muLambda({ parents: 4, population: 28 }),
      genetic: genetic({ population: 32, sigma: 0.5, mutationRate: 0.1 }),
    };
    for (const [name, search] of Object.entries(learners)) {
      const found = await minimise(of, search, { start, generations: 200, target: 0.05 });
      expect(found.loss, name).toBeLessThanOrEqual(0.05);
      expect(found.loss, name).toBe(await of(found.x));
    }
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
