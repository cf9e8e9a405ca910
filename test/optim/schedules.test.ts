/** Schedules against optax, as functions of numbers and of tensors. */
import { readFileSync } from "node:fs";
import { tensor } from "nabla";
import {
  constant,
  exponentialDecay,
  linear,
  piecewise,
  type Schedule,
  schedule,
  stepDecay,
  warmupCosine,
} from "nabla/optim";
import { describe, expect, test } from "vitest";

const golden = JSON.parse(readFileSync(new URL("./goldens/optim.json", import.meta.url), "utf8")) as {
  schedules: { at: number[]; values: Record<string, number[]> };
};

const cases: Record<string, Schedule> = {
  constant: constant(0.3),
  linear: linear({ from: 0.1, to: 0.9, steps: 100 }),
  piecewise: piecewise({ values: [0.1, 0.02, 0.5], boundaries: [10, 100] }),
  stepDecay: stepDecay({ initial: 0.5, factor: 0.9, every: 10 }),
  exponentialDecay: exponentialDecay({ initial: 0.5, rate: 0.7, steps: 50 }),
  "exponentialDecay floor": exponentialDecay({ initial: 0.5, rate: 0.7, steps: 50, floor: 0.01 }),
  warmupCosine: warmupCosine({ initial: 0.01, peak: 0.3, warmup: 10, total: 100, end: 0.003 }),
  cosine: warmupCosine({ peak: 0.3, total: 100 }),
};

describe.each(Object.keys(golden.schedules.values))("%s", (name) => {
  const at = cases[name] as Schedule;
  const expected = golden.schedules.values[name] as number[];

  test("of a number equals optax's", () => {
    golden.schedules.at.forEach((step, i) => {
      expect(Math.abs(at(step) - (expected[i] as number)), `step ${step}`).toBeLessThan(1e-9);
    });
  });

  test.each(["i32", "f32"] as const)("of a 0-d %s tensor equals that of the number", async (dtype) => {
    for (const step of golden.schedules.at) {
      const value = at(tensor(step, { dtype }));
      expect([value.dtype, value.shape]).toEqual(["f32", []]);
      // cos and pow are a few ulps off; 5000 steps of decay reach 1e-16, far below any use
      expect(Math.abs((await value.item()) - at(step)), `step ${step}`).toBeLessThan(
        1e-6 * Math.abs(at(step)) + 1e-7,
      );
    }
  });
});

test("a formula written once serves both", async () => {
  const inverse = schedule((maths, step) => maths.div(0.5, maths.add(step, 1)));
  expect(inverse(4)).toBe(0.1);
  expect(await inverse(tensor(4, { dtype: "i32" })).item()).toBeCloseTo(0.1, 7);
});

test.each([
  [() => linear({ from: 0, to: 1, steps: 0 }), "linear: steps must be above 0; got 0."],
  [() => stepDecay({ initial: 1, factor: 0.5, every: -1 }), "stepDecay: every must be above 0; got -1."],
  [() => exponentialDecay({ initial: 1, rate: 0 }), "exponentialDecay: rate must be above 0; got 0."],
  [
    () => warmupCosine({ peak: 1, warmup: 10, total: 10 }),
    "warmupCosine: warmup must be at least 0 and below total; got 10 and 10.",
  ],
  [
    () => piecewise({ values: [1, 2], boundaries: [5, 3] }),
    "piecewise: there must be one more value than boundaries, and these must increase; got [1,2] and [5,3].",
  ],
])("a schedule without sense throws (%#)", (make, message) => {
  expect(make).toThrow(message);
});
