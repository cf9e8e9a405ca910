/** What holds of every schedule under the combinators and the conversions. */
import fc from "fast-check";
import {
  byEpoch,
  bySamples,
  bySeconds,
  clamp,
  cosineWarmRestarts,
  cyclical,
  inverseSqrt,
  join,
  linear,
  noam,
  oneCycle,
  type Schedule,
  scale,
  stepDecay,
  warmup,
  warmupCosine,
} from "nabla/optim";
import { describe, expect, test } from "vitest";

const schedules: Schedule[] = [
  linear({ from: 0, to: 0.1, steps: 500 }),
  warmupCosine({ peak: 0.1, warmup: 100, total: 900, end: 0.01 }),
  oneCycle({ peak: 0.1, total: 1000 }),
  cosineWarmRestarts({ initial: 0.1, period: 30, growth: 2, factor: 0.7 }),
  cyclical({ base: 0.01, max: 0.1, stepSizeUp: 40, mode: "triangular2" }),
  stepDecay({ initial: 0.1, factor: 0.9, every: 70 }),
  inverseSqrt({ peak: 0.1, warmup: 50 }),
  noam({ dModel: 64, warmup: 100 }),
];

describe("properties", () => {
  const step = fc.integer({ min: 0, max: 5000 });
  const any = fc.constantFrom(...schedules);

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
