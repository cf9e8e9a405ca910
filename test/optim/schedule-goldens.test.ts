/** Every schedule at steps 0 to 999 against PyTorch's, optax's or the paper's formula, as numbers and as 0-d tensors. */
import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
import { jit, type Tensor, tensor } from "nabla";
import {
  byEpoch,
  bySamples,
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
  piecewise,
  polynomial,
  type Schedule,
  scale,
  stepDecay,
  warmup,
  warmupCosine,
} from "nabla/optim";
import { describe, expect, test } from "vitest";

const golden = JSON.parse(readFileSync(new URL("./goldens/schedules.json", import.meta.url), "utf8")) as {
  steps: number;
  values: Record<string, string>;
};

/** f32, little-endian, deflated, in base64. */
function unpacked(packed: string): number[] {
  const bytes = inflateSync(Buffer.from(packed, "base64"));
  return Array.from({ length: golden.steps }, (_, i) => bytes.readFloatLE(4 * i));
}

const restarts = { initial: 0.1, end: 0.01, factor: 0.7 };
const triangle = { base: 0.001, max: 0.1, stepSizeUp: 60 };
const dip = { base: 0.9, max: 0.8, stepSizeUp: 60, stepSizeDown: 90, mode: "triangular2" } as const;
const fall = cosine({ initial: 0.1, steps: 800, end: 0.01 });

const cases: Record<string, Schedule> = {
  constant: constant(0.3),
  linear: linear({ from: 0.1, to: 0.9, steps: 700 }),
  "linear to 0": linear({ from: 0.1, to: 0, steps: 1000 }),
  piecewise: piecewise({ values: [0.1, 0.02, 0.5], boundaries: [10, 100] }),
  multiStep: multiStep({ initial: 0.1, factor: 0.3, milestones: [100, 101, 637] }),
  stepDecay: stepDecay({ initial: 0.1, factor: 0.93, every: 7 }),
  polynomial: polynomial({ from: 0.1, power: 2, steps: 900 }),
  "polynomial to": polynomial({ from: 0.1, to: 0.02, power: 0.5, steps: 800 }),
  exponentialDecay: exponentialDecay({ initial: 0.1, rate: 0.993 }),
  exponentialGrowth: exponentialGrowth({ from: 1e-6, to: 1, steps: 900 }),
  inverseTime: inverseTime({ initial: 0.1, decay: 0.5, steps: 30 }),
  "inverseTime staircase": inverseTime({ initial: 0.1, decay: 0.5, steps: 30, staircase: true }),
  inverseSqrt: inverseSqrt({ peak: 5e-4, warmup: 100, initial: 1e-7 }),
  noam: noam({ dModel: 512, warmup: 200 }),
  cosine: cosine({ initial: 0.1, steps: 800, end: 0.001 }),
  "cosine to 0": cosine({ initial: 0.1, steps: 1000 }),
  warmupCosine: warmupCosine({ initial: 0.01, peak: 0.3, warmup: 100, total: 900, end: 0.003 }),
  cosineWarmRestarts: cosineWarmRestarts({ initial: 0.1, period: 50, end: 0.001 }),
  "cosineWarmRestarts growth": cosineWarmRestarts({ initial: 0.1, period: 10, growth: 2 }),
  "cosineWarmRestarts factor": cosineWarmRestarts({ ...restarts, period: 100 }),
  "cosineWarmRestarts both": cosineWarmRestarts({ ...restarts, period: 10, growth: 3 }),
  cyclical: cyclical(triangle),
  "cyclical triangular2": cyclical({ ...triangle, stepSizeDown: 90, mode: "triangular2" }),
  "cyclical expRange": cyclical({ ...triangle, mode: "expRange", gamma: 0.997 }),
  "cyclical momentum": cyclical(dip),
  oneCycle: oneCycle({ peak: 0.1, total: 1000 }),
  "oneCycle momentum": oneCycleMomentum({ total: 1000 }),
  "oneCycle linear": oneCycle({
    peak: 0.1,
    total: 1000,
    anneal: "linear",
    pctStart: 0.2503,
    divFactor: 10,
    finalDivFactor: 100,
  }),
  "oneCycle three": oneCycle({ peak: 0.1, total: 1000, threePhase: true }),
  "oneCycle three momentum": oneCycleMomentum({ total: 1000, threePhase: true, anneal: "linear" }),
  join: join([
    [linear({ from: 0, to: 0.1, steps: 50 }), 50],
    [cosine({ initial: 0.1, steps: 200 }), 200],
    exponentialDecay({ initial: 0.05, rate: 0.7, steps: 30 }),
  ]),
  warmup: warmup(fall, { steps: 100, from: 0.1 }),
  "warmup overlap": warmup(fall, { steps: 100, from: 0.1, overlap: true }),
  scale: scale(exponentialDecay({ initial: 0.05, rate: 0.7, steps: 300 }), 8),
  clamp: clamp(inverseTime({ initial: 0.1, decay: 0.01 }), { min: 0.02, max: 0.08 }),
  byEpoch: byEpoch(multiStep({ initial: 0.1, factor: 0.5, milestones: [3, 10, 20] }), { stepsPerEpoch: 37 }),
  bySamples: bySamples(cosine({ initial: 0.1, steps: 100_000 }), { batchSize: 128 }),
};

test("every golden has its case", () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(golden.values).sort());
});

/** Of the two, where the expected is not 0: goldens are rounded to f32, by half of 1.2e-7. */
const off = (value: number, expected: number) =>
  Math.abs(value - expected) / Math.max(Math.abs(expected), 1e-30);

describe.each(Object.keys(golden.values))("%s", (name) => {
  const at = cases[name] as Schedule;

  test("of a number equals the authority's at each of 1,000 steps", () => {
    unpacked(golden.values[name] as string).forEach((expected, step) => {
      expect(Math.abs(at(step) - expected), `step ${step}`).toBeLessThan(1e-7 * Math.abs(expected) + 1e-14);
    });
  });

  test("of a 0-d tensor equals that of the number", async () => {
    const compiled = jit((step: Tensor) => at(step));
    for (let step = 0; step < golden.steps; step++) {
      const value = compiled(tensor(step, { dtype: "i32" }));
      if (step === 0) expect([value.dtype, value.shape]).toEqual(["f32", []]);
      const number = at(step);
      expect(off(await value.item(), number), `step ${step} is ${number}`).toBeLessThan(1e-6);
    }
  });
});
