/** Runs of millions of steps in f32, and runs longer than their schedule. */
import { jit, type Tensor, tensor } from "nabla";
import {
  byEpoch,
  bySamples,
  bySeconds,
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
  stepDecay,
  warmup,
  warmupCosine,
} from "nabla/optim";
import { expect, test } from "vitest";

const i32 = (step: number) => tensor(step, { dtype: "i32" });
const relative = (value: number, expected: number) =>
  value === expected ? 0 : Math.abs(value - expected) / Math.abs(expected);

const fall = cosine({ initial: 0.1, steps: 7 });
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
