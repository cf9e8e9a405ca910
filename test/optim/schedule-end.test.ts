/** Schedules know where they end, and a run that goes on after it is told so. */

import { dataset } from "nabla/data";
import { Linear, mse } from "nabla/nn";
import {
  accumulate,
  adam,
  adamW,
  byEpoch,
  bySamples,
  bySeconds,
  chain,
  clamp,
  clipByGlobalNorm,
  constant,
  cosine,
  cosineWarmRestarts,
  cyclical,
  ema,
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
  polyakSgd,
  polynomial,
  type Schedule,
  scale,
  scaleByShampoo,
  scaleBySoap,
  scaleBySophia,
  schedule,
  scheduleNotes,
  sgd,
  shampoo,
  sharpnessAware,
  soap,
  sophia,
  stepDecay,
  switchAt,
  warmup,
  warmupCosine,
} from "nabla/optim";
import { Trainer } from "nabla/train";
import { describe, expect, test } from "vitest";

const line = linear({ from: 1, to: 0.25, steps: 40 });
const schedules: Record<string, readonly [Schedule, number | undefined]> = {
  linear: [line, 40],
  polynomial: [polynomial({ from: 1, power: 2, steps: 30 }), 30],
  cosine: [cosine({ initial: 1, steps: 50 }), 50],
  warmupCosine: [warmupCosine({ peak: 1, warmup: 5, total: 60 }), 60],
  oneCycle: [oneCycle({ peak: 1, total: 70 }), 69],
  oneCycleMomentum: [oneCycleMomentum({ total: 70, threePhase: true }), 69],
  exponentialGrowth: [exponentialGrowth({ from: 0.1, to: 1, steps: 20 }), 20],
  piecewise: [piecewise({ values: [3, 2, 1], boundaries: [10, 20] }), 20],
  multiStep: [multiStep({ initial: 1, milestones: [15, 25] }), 25],
  scale: [scale(line, 3), 40],
  clamp: [clamp(line, { max: 0.9 }), 40],
  warmup: [warmup(line, { steps: 10 }), 50],
  "warmup overlapping": [warmup(line, { steps: 10, overlap: true }), 40],
  join: [join([[constant(1), 7], [cosine({ initial: 1, steps: 9 }), 5], line]), 52],
  byEpoch: [byEpoch(linear({ from: 1, to: 0, steps: 3 }), { stepsPerEpoch: 8 }), 24],
  "byEpoch whole": [byEpoch(linear({ from: 1, to: 0, steps: 2.5 }), { stepsPerEpoch: 8, whole: true }), 24],
  bySamples: [bySamples(linear({ from: 1, to: 0, steps: 640 }), { batchSize: 32 }), 20],
  bySeconds: [bySeconds(linear({ from: 1, to: 0, steps: 8 }), { secondsPerStep: 0.25 }), 32],
  "of one's own": [schedule((maths, step) => maths.min(step, 12), 12), 12],
  constant: [constant(1), undefined],
  "warmup of a constant": [warmup(constant(1), { steps: 10 }), undefined],
  "join with a constant last": [join([[line, 40], constant(0.25)]), undefined],
  cosineWarmRestarts: [cosineWarmRestarts({ initial: 1, period: 10 }), undefined],
  cyclical: [cyclical({ base: 0, max: 1, stepSizeUp: 5 }), undefined],
  exponentialDecay: [exponentialDecay({ initial: 1, rate: 0.9 }), undefined],
  stepDecay: [stepDecay({ initial: 1, factor: 0.5, every: 10 }), undefined],
  inverseTime: [inverseTime({ initial: 1, decay: 1 }), undefined],
  inverseSqrt: [inverseSqrt({ peak: 1, warmup: 5 }), undefined],
  noam: [noam({ dModel: 8, warmup: 5 }), undefined],
};

describe.each(Object.keys(schedules))("%s", (name) => {
  const [of, end] = schedules[name] as readonly [Schedule, number | undefined];
  test(end === undefined ? "has no end" : "ends where its value changes last", () => {
    expect(of.end).toBe(end);
    if (end === undefined) return;
    const values = Array.from({ length: end + 200 }, (_, step) => of(step));
    const last = values.at(-1);
    // The change may lie between two steps, and a piece begins at its end.
    expect(values.findLastIndex((value) => value !== last)).toBe(end - 1);
  });
});

describe("a run's notes", () => {
  const rate = cosine({ initial: 0.1, end: 1e-5, steps: 400 });
  const said = "learningRate: its schedule ends at step 400 of 1000 and stays at 0.00001 from there.";
  test.each([
    [adam(rate), 1000, [said]],
    [
      adam(rate),
      402,
      ["learningRate: its schedule ends at step 400 of 402 and stays at 0.00001 from there."],
    ],
    // The last of 401 steps is step 400.
    [adam(rate), 401, []],
    [adam(rate), 300, []],
    [adam(0.1), 1000, []],
    [
      chain(clipByGlobalNorm(linear({ from: 2, to: 1, steps: 10 })), ema(adamW(rate))),
      1000,
      ["maxNorm: its schedule ends at step 10 of 1000 and stays at 1 from there.", said],
    ],
    [
      sgd(0.1, { momentum: oneCycleMomentum({ total: 100 }) }),
      101,
      ["momentum: its schedule ends at step 99 of 101 and stays at 0.95 from there."],
    ],
    // Of 1000 batches 500 are steps of the optimizer.
    [
      accumulate(adam(rate), { every: 2 }),
      1000,
      [
        "learningRate: its schedule ends at step 400 of 500 (steps within accumulate) and stays at 0.00001 from there.",
      ],
    ],
    [accumulate(adam(rate), { every: 4 }), 1000, []],
    [soap(rate), 1000, [said]],
    [shampoo(rate), 1000, [said]],
    [sharpnessAware(sophia(rate)), 1000, [said]],
    [
      polyakSgd(rate),
      1000,
      ["scaling: its schedule ends at step 400 of 1000 and stays at 0.00001 from there."],
    ],
    // Its statistics follow beta2 unless told otherwise.
    [
      scaleBySoap({ beta2: rate }),
      1000,
      [said.replace("learningRate", "beta2"), said.replace("learningRate", "shampooBeta")],
    ],
    ...[scaleByShampoo, scaleBySophia].map(
      (make) => [make({ beta2: rate }), 1000, [said.replace("learningRate", "beta2")]] as const,
    ),
    [switchAt(300, adam(rate), sgd(rate)), 600, []],
    [
      switchAt(300, adam(rate), sgd(rate)),
      1000,
      [
        "learningRate: its schedule ends at step 400 of 700 (steps within switchAt) and stays at 0.00001 from there.",
      ],
    ],
  ] as const)("%#", (optimizer, steps, notes) => {
    expect(scheduleNotes(optimizer, steps)).toEqual(notes);
  });

  test("reach callbacks at the start, of all the run's steps", async () => {
    const rows = Float32Array.from({ length: 40 }, (_, i) => i / 40);
    const data = dataset({ x: Array.from(rows, (v) => [v]), y: Array.from(rows, (v) => [v]) });
    const seen: (readonly string[])[] = [];
    const trainer = new Trainer({
      model: new Linear(1, 1),
      loss: mse,
      optimizer: sgd(linear({ from: 0.1, to: 0, steps: 6 })),
      callbacks: [{ start: ({ plan }) => void seen.push(plan.notes) }],
    });
    await trainer.fit(data, { epochs: 1, batchSize: 10 });
    await trainer.fit(data, { epochs: 1, batchSize: 10 });
    expect(seen).toEqual([[], ["learningRate: its schedule ends at step 6 of 8 and stays at 0 from there."]]);
  });
});
