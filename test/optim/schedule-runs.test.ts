/** Schedules in runs: stopped and resumed, joined, millions of steps long, past their end. */
import fc from "fast-check";
import { jit, type Tensor, tensor } from "nabla";
import {
  applyUpdates,
  byEpoch,
  bySamples,
  bySeconds,
  clamp,
  constant,
  cosine,
  cosineWarmRestarts,
  cyclical,
  exponentialDecay,
  exponentialGrowth,
  inverseSqrt,
  inverseTime,
  join,
  linear,
  multiStep,
  noam,
  oneCycle,
  oneCycleMomentum,
  polynomial,
  type Schedule,
  scale,
  sgd,
  stepDecay,
  warmup,
  warmupCosine,
} from "nabla/optim";
import { describe, expect, test } from "vitest";

const i32 = (step: number) => tensor(step, { dtype: "i32" });
const relative = (value: number, expected: number) =>
  value === expected ? 0 : Math.abs(value - expected) / Math.abs(expected);

const rise = linear({ from: 0, to: 0.1, steps: 5 });
const fall = cosine({ initial: 0.1, steps: 7 });
const waves = cyclical({ base: 0.01, max: 0.1, stepSizeUp: 3 });
const nested = join([
  [
    join([
      [rise, 5],
      [fall, 7],
      [join([[waves, 4], constant(0.03)]), 6],
      exponentialDecay({ initial: 0.1, rate: 0.8 }),
    ]),
    24,
  ],
  [warmup(cosineWarmRestarts({ initial: 0.2, period: 3, growth: 2 }), { steps: 4 }), 15],
  join([[rise, 5], fall]),
]);

describe("a join in a join", () => {
  test("counts each part from its own start", () => {
    const parts: [number, Schedule, number][] = [
      [0, rise, 5],
      [5, fall, 7],
      [12, waves, 4],
      [16, constant(0.03), 2],
      [18, exponentialDecay({ initial: 0.1, rate: 0.8 }), 6],
      [28, cosineWarmRestarts({ initial: 0.2, period: 3, growth: 2 }), 11],
      [39, rise, 5],
      [44, fall, 20],
    ];
    for (const [start, part, steps] of parts) {
      for (let step = 0; step < steps; step++)
        expect(nested(start + step), `${start} + ${step}`).toBe(part(step));
    }
  });

  test("follows the count of a compiled step, from whichever step that starts", async () => {
    const next = jit((count: Tensor) => [count.add(1), nested(count)] as const);
    for (let start = 0; start < 60; start += 7) {
      let count = i32(start);
      for (let step = start; step < 66; step++) {
        const [after, value] = next(count);
        count = after;
        expect(relative(await value.item(), nested(step)), `step ${step} from ${start}`).toBeLessThan(1e-6);
      }
    }
    expect(next.compilations).toBe(1);
  });
});

const schedules: Record<string, Schedule> = {
  nested,
  oneCycle: oneCycle({ peak: 0.1, total: 40 }),
  restarts: cosineWarmRestarts({ initial: 0.1, period: 3, growth: 2, factor: 0.7 }),
  cyclical: cyclical({ base: 0.01, max: 0.1, stepSizeUp: 4, mode: "triangular2" }),
  noam: noam({ dModel: 64, warmup: 10 }),
  clamped: clamp(
    scale(byEpoch(stepDecay({ initial: 0.1, factor: 0.5, every: 2 }), { stepsPerEpoch: 3 }), 3),
    {
      min: 0.01,
    },
  ),
};

test.each(Object.entries(schedules))(
  "%s: a run resumed at any step goes on as if never stopped",
  async (_, at) => {
    const optimizer = sgd(at, { momentum: oneCycleMomentum({ total: 40 }) });
    const step = jit((w: Tensor, state: ReturnType<typeof optimizer.init>) => {
      const [updates, next] = optimizer.update({ w: w.sub(1) }, state, { w });
      return [applyUpdates({ w }, updates).w, next] as const;
    });
    const run = (w: Tensor, state: ReturnType<typeof optimizer.init>, steps: number) => {
      for (let i = 0; i < steps; i++) [w, state] = step(w, state);
      return [w, state] as const;
    };
    const start = () => [tensor(0), optimizer.init({ w: tensor(0) })] as const;
    const [whole] = run(...start(), 50);
    const expected = await whole.item();
    for (let k = 0; k <= 50; k += 3) {
      const [w, state] = run(...start(), k);
      const [resumed] = run(tensor(await w.item()), await copied(state), 50 - k);
      expect(await resumed.item(), `resumed at ${k}`).toBe(expected);
    }
  },
);

/** The state written out as numbers and read again. */
async function copied<T>(state: T): Promise<T> {
  if (state && typeof state === "object" && "dtype" in state) {
    const leaf = state as unknown as Tensor;
    return tensor(await leaf.item(), { dtype: leaf.dtype as "f32" | "i32" }) as unknown as T;
  }
  if (Array.isArray(state)) return (await Promise.all(state.map(copied))) as unknown as T;
  const entries = Object.entries(state as object).map(async ([key, value]) => [key, await copied(value)]);
  return Object.fromEntries(await Promise.all(entries)) as T;
}

const M = 3_000_000;
const around = (...steps: number[]) => steps.flatMap((step) => [step - 1, step, step + 1]);
const long: Record<string, [Schedule, number[]]> = {
  linear: [linear({ from: 0.1, to: 0, steps: M }), [1, M / 3, M - 2]],
  polynomial: [polynomial({ from: 0.1, power: 2, steps: M }), [1, M / 3, M - 2]],
  cosine: [cosine({ initial: 0.1, steps: M }), [1, M / 3, M - 2]],
  "cosine to end": [cosine({ initial: 0.1, end: 1e-6, steps: M }), [1, M / 3, M - 2]],
  "cosine upwards": [cosine({ initial: 0, end: 0.1, steps: M }), [1, M / 3, M - 2]],
  warmupCosine: [warmupCosine({ peak: 0.1, warmup: M / 100, total: M }), [1, M / 100, M - 2]],
  oneCycle: [oneCycle({ peak: 0.1, total: M }), [1, 0.3 * M, M - 2]],
  "oneCycle linear": [
    oneCycle({ peak: 0.1, total: M, anneal: "linear", threePhase: true }),
    [1, 0.6 * M, M - 2],
  ],
  exponentialGrowth: [exponentialGrowth({ from: 1e-6, to: 1, steps: M }), [1, M / 3, M - 2]],
  exponentialDecay: [exponentialDecay({ initial: 0.1, rate: 0.999998 }), [1, M / 3, M]],
  "stepDecay of 7": [stepDecay({ initial: 0.1, factor: 0.99999, every: 7 }), [7, 7 * 142_857, 7 * 428_571]],
  "stepDecay of 391": [
    stepDecay({ initial: 0.1, factor: 0.9993, every: 391 }),
    [391, 391 * 5001, 391 * 7672],
  ],
  multiStep: [multiStep({ initial: 0.1, milestones: [M / 3, M - 1] }), [M / 3, M - 1]],
  inverseTime: [inverseTime({ initial: 0.1, decay: 0.3, steps: 11, staircase: true }), [11, 11 * 90_001, M]],
  inverseSqrt: [inverseSqrt({ peak: 0.1, warmup: 4000 }), [1, 4000, M]],
  noam: [noam({ dModel: 512, warmup: 4000 }), [1, 4000, M]],
  restarts: [cosineWarmRestarts({ initial: 0.1, period: 1000 }), [1000, M - 1000, M]],
  "restarts of 7": [
    cosineWarmRestarts({ initial: 0.1, period: 7, factor: 0.99999 }),
    [7, 7 * 142_857, 7 * 428_571],
  ],
  "growing restarts": [
    cosineWarmRestarts({ initial: 0.1, period: 7, growth: 2, factor: 0.9 }),
    Array.from({ length: 18 }, (_, n) => 7 * (2 ** (n + 1) - 1)),
  ],
  cyclical: [
    cyclical({ base: 0.01, max: 0.1, stepSizeUp: 300, stepSizeDown: 700, mode: "expRange", gamma: 0.999998 }),
    [300, 1000, M - 700, M],
  ],
  "epochs of 391 steps": [
    byEpoch(multiStep({ initial: 0.1, milestones: [3, 5001, 7672] }), { stepsPerEpoch: 391 }),
    [3 * 391, 5001 * 391, 7672 * 391],
  ],
  "whole epochs": [
    byEpoch(linear({ from: 0.1, to: 0, steps: 8000 }), { stepsPerEpoch: 391, whole: true }),
    [391, 5001 * 391, 7672 * 391],
  ],
  "samples, 128 a step": [
    bySamples(multiStep({ initial: 0.1, milestones: [128 * 77, 128 * 1_234_567] }), { batchSize: 128 }),
    [77, 1_234_567],
  ],
  joined: [join([[linear({ from: 0.1, to: 0, steps: M - 10 }), M - 10], fall]), [1, M - 10, M - 5]],
  warmup: [
    warmup(stepDecay({ initial: 0.1, factor: 0.5, every: M / 3 }), { steps: M / 3 }),
    [1, M / 3, (2 * M) / 3],
  ],
};

test.each(Object.entries(long))(
  "%s: of a tensor equals the number over 3 million steps",
  async (_, [at, steps]) => {
    for (const step of around(...steps)) {
      for (const dtype of ["i32", "f32"] as const) {
        const value = await at(tensor(step, { dtype })).item();
        expect(relative(value, at(step)), `step ${step} is ${at(step)}, got ${value}`).toBeLessThan(1e-6);
      }
    }
  },
);

test("pieces begin at their very step: floors are exact at each multiple and each step before", async () => {
  for (const every of [3, 7, 10, 49, 391, 1000]) {
    const at = stepDecay({ initial: 1, factor: 2, every });
    const compiled = jit((step: Tensor) =>
      inverseTime({ initial: 1, decay: 1, steps: every, staircase: true })(step),
    );
    for (let k = 1; k * every <= M; k = Math.ceil(k * 1.7)) {
      // 1 / (1 + k) and 1 / k differ by more than a rounding
      expect(relative(await compiled(i32(k * every)).item(), 1 / (1 + k))).toBeLessThan(2e-7);
      expect(relative(await compiled(i32(k * every - 1)).item(), 1 / k)).toBeLessThan(2e-7);
      if (k < 100) expect(await at(i32(k * every)).item()).toBe(2 ** k);
    }
  }
});

const ending: [string, Schedule, number, number][] = [
  ["linear", linear({ from: 0.1, to: 0.3, steps: 10 }), 10, 0.3],
  ["polynomial", polynomial({ from: 0.1, to: 0.3, power: 2, steps: 10 }), 10, 0.3],
  ["cosine", cosine({ initial: 0.1, end: 0.3, steps: 10 }), 10, 0.3],
  ["warmupCosine", warmupCosine({ peak: 0.1, end: 0.3, warmup: 2, total: 10 }), 10, 0.3],
  ["multiStep", multiStep({ initial: 1, factor: 0.5, milestones: [3, 10] }), 10, 0.25],
  ["exponentialGrowth", exponentialGrowth({ from: 0.01, to: 1, steps: 10 }), 10, 1],
  ["oneCycle", oneCycle({ peak: 0.5, total: 11, divFactor: 10, finalDivFactor: 10 }), 10, 0.005],
  ["oneCycleMomentum", oneCycleMomentum({ total: 11, max: 0.9 }), 10, 0.9],
  ["join", join([[constant(1), 4], linear({ from: 0, to: 0.3, steps: 6 })]), 10, 0.3],
  ["warmup", warmup(linear({ from: 1, to: 0.3, steps: 6 }), { steps: 4 }), 10, 0.3],
  ["warmup overlap", warmup(linear({ from: 1, to: 0.3, steps: 10 }), { steps: 4, overlap: true }), 10, 0.3],
  ["bySeconds", bySeconds(linear({ from: 1, to: 0.3, steps: 1 }), { secondsPerStep: 0.1 }), 10, 0.3],
];

test.each(ending)("%s holds its last value", async (_, at, end, last) => {
  expect(at(end - 1)).not.toBeCloseTo(last, 4);
  for (const step of [end, end + 1, 5000, 2 ** 30]) {
    expect(at(step)).toBeCloseTo(last, 12);
    expect(relative(await at(i32(step)).item(), last)).toBeLessThan(3e-7);
  }
});

describe("properties", () => {
  const step = fc.integer({ min: 0, max: 5000 });
  const any = fc.constantFrom(...Object.values(schedules), ...Object.values(long).map(([at]) => at));

  test("a join is its parts, each from its start", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(any, fc.integer({ min: 1, max: 900 })), { maxLength: 4 }),
        any,
        step,
        (parts, last, s) => {
          let start = 0;
          let expected: Schedule = last;
          for (const [at, steps] of parts) {
            if (s < start + steps) {
              expected = at;
              break;
            }
            start += steps;
          }
          expect(join([...parts, last])(s)).toBe(expected(s - start));
        },
      ),
    );
  });

  test("a warm-up leads up to the schedule and is it afterwards", () => {
    fc.assert(
      fc.property(
        any,
        fc.integer({ min: 1, max: 500 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        step,
        (at, steps, from, s) => {
          const part = s < steps ? from + ((1 - from) * s) / steps : 1;
          expect(warmup(at, { steps, from })(s)).toBeCloseTo(part * at(Math.max(s - steps, 0)), 12);
          expect(warmup(at, { steps, from, overlap: true })(s)).toBeCloseTo(part * at(s), 12);
        },
      ),
    );
  });

  test("clamp and scale act on the value, conversions on the step", () => {
    fc.assert(
      fc.property(any, step, fc.integer({ min: 1, max: 400 }), (at, s, n) => {
        expect(clamp(at, { min: 0.02, max: 0.05 })(s)).toBe(Math.min(Math.max(at(s), 0.02), 0.05));
        expect(clamp(at, { max: 0.05 })(s)).toBe(Math.min(at(s), 0.05));
        expect(scale(at, n)(s)).toBe(n * at(s));
        expect(byEpoch(at, { stepsPerEpoch: n })(s)).toBe(at(s / n));
        expect(byEpoch(at, { stepsPerEpoch: n, whole: true })(s)).toBe(at(Math.floor(s / n)));
        expect(bySamples(at, { batchSize: n })(s)).toBe(at(s * n));
        expect(bySeconds(at, { secondsPerStep: n })(s)).toBe(at(s * n));
      }),
    );
  });

  test("steps may be asked for in any order", () => {
    fc.assert(
      fc.property(any, fc.array(step, { minLength: 2, maxLength: 30 }), (at, steps) => {
        const forth = steps.map((s) => at(s));
        const back = steps.toReversed().map((s) => at(s));
        expect(back.toReversed()).toEqual(forth);
      }),
    );
  });
});
