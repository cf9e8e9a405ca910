/** What schedules refuse, in which words. */
import { ConfigError } from "nabla";
import {
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
  piecewise,
  plot,
  polynomial,
  scale,
  stepDecay,
  warmup,
  warmupCosine,
} from "nabla/optim";
import { describe, expect, test } from "vitest";

const one = constant(1);

/** Every number a schedule takes, one after the other replaced by one that is not finite or out of its range. */
const numbers: [string, (options: never) => unknown, Record<string, number>, Record<string, number>][] = [
  ["linear", linear, { from: 0, to: 1, steps: 9 }, { steps: 0 }],
  ["polynomial", polynomial, { from: 0, to: 1, power: 2, steps: 9 }, { power: 0, steps: -1 }],
  ["stepDecay", stepDecay, { initial: 1, factor: 2, every: 9 }, { factor: 0, every: 0 }],
  ["exponentialDecay", exponentialDecay, { initial: 1, rate: 2, steps: 9, floor: 0 }, { rate: 0, steps: 0 }],
  ["exponentialGrowth", exponentialGrowth, { from: 1, to: 2, steps: 9 }, { from: 0, to: 0, steps: 0 }],
  ["inverseTime", inverseTime, { initial: 1, decay: 0, steps: 9 }, { decay: -1, steps: 0 }],
  ["inverseSqrt", inverseSqrt, { peak: 1, warmup: 9, initial: 0 }, { warmup: 0 }],
  ["noam", noam, { dModel: 64, warmup: 9, factor: 1 }, { dModel: 0, warmup: 0, factor: 0 }],
  ["cosine", cosine, { initial: 1, steps: 9, end: 0 }, { steps: 0 }],
  [
    "warmupCosine",
    warmupCosine,
    { peak: 1, total: 9, warmup: 2, initial: 0, end: 0 },
    { warmup: 9, total: 2 },
  ],
  [
    "cosineWarmRestarts",
    cosineWarmRestarts,
    { initial: 1, period: 9, end: 0, growth: 1, factor: 1 },
    { period: 0, growth: 1.5, factor: 0 },
  ],
  [
    "cyclical",
    cyclical,
    { base: 0, max: 1, stepSizeUp: 3, stepSizeDown: 4, gamma: 0.9 },
    { stepSizeUp: 0, stepSizeDown: 0, gamma: 0 },
  ],
  [
    "oneCycle",
    oneCycle,
    { peak: 1, total: 100, pctStart: 0.3, divFactor: 25, finalDivFactor: 100 },
    { total: 1, pctStart: 1, divFactor: 0, finalDivFactor: 0 },
  ],
  ["oneCycleMomentum", oneCycleMomentum, { total: 100, pctStart: 0.3, base: 0.8, max: 0.9 }, { pctStart: 0 }],
  ["constant", ({ value }: { value: number }) => constant(value), { value: 1 }, {}],
  ["scale", ({ factor }: { factor: number }) => scale(one, factor), { factor: 1 }, {}],
  ["clamp", (options) => clamp(one, options), { min: 1, max: 2 }, { min: 3, max: 0 }],
  ["warmup", (options) => warmup(one, options), { steps: 9, from: 0 }, { steps: 0, from: -1 }],
  ["byEpoch", (options) => byEpoch(one, options), { stepsPerEpoch: 9 }, { stepsPerEpoch: 0 }],
  ["bySamples", (options) => bySamples(one, options), { batchSize: 9 }, { batchSize: 0 }],
  ["bySeconds", (options) => bySeconds(one, options), { secondsPerStep: 9 }, { secondsPerStep: 0 }],
  [
    "plot",
    (options) => plot(one, options),
    { steps: 9, width: 9, height: 3 },
    { steps: 1, width: 1, height: 0 },
  ],
];

describe.each(numbers)("%s", (name, make, options, out) => {
  const build = (changed: Record<string, number>) => () => make({ ...options, ...changed } as never);

  test("takes good numbers", () => {
    expect(build({})).not.toThrow();
  });

  test.each(Object.keys(options))("says what %s must be", (key) => {
    const bad = [Number.NaN, Number.POSITIVE_INFINITY, ...(key in out ? [out[key] as number] : [])];
    for (const value of bad) {
      expect(build({ [key]: value }), `${value}`).toThrow(ConfigError);
      expect(build({ [key]: value }), `${value}`).toThrow(
        new RegExp(`^${name}: .*${key}.*; got .*${value}.*\\.$`),
      );
    }
  });
});

test.each([
  [() => polynomial({ from: 1, steps: 0 }), "polynomial: steps must be above 0; got 0."],
  [() => constant(Number.NaN), "constant: value must be a finite number; got NaN."],
  [() => warmup(one, { steps: 5, from: -1 }), "warmup: from must be at least 0; got -1."],
  [
    () => multiStep({ initial: 1, milestones: [5, 5] }),
    "multiStep: milestones must be above 0 and increase; got [5,5].",
  ],
  [
    () => multiStep({ initial: 1, milestones: [0] }),
    "multiStep: milestones must be above 0 and increase; got [0].",
  ],
  [
    () => piecewise({ values: [1, Number.NaN], boundaries: [5] }),
    "piecewise: values[1] must be a finite number; got NaN.",
  ],
  [
    () => piecewise({ values: [1, 2], boundaries: [Number.NaN] }),
    "piecewise: there must be one more value than boundaries, and these must increase; got [1,2] and [NaN].",
  ],
  [
    () => cosineWarmRestarts({ initial: 1, period: 5, growth: 0 }),
    "cosineWarmRestarts: growth must be a whole number of at least 1; got 0.",
  ],
  [
    () => cyclical({ base: 0, max: 1, mode: "square" as "triangular" }),
    "cyclical: mode must be one of triangular, triangular2, expRange; got square.",
  ],
  [
    () => oneCycle({ peak: 1, total: 10, anneal: "sine" as "cos" }),
    "oneCycle: anneal must be one of cos, linear; got sine.",
  ],
  [
    () => oneCycle({ peak: 1, total: 10, pctStart: 0.1 }),
    "oneCycle: the phases must end at steps above 0 that increase; got [0,9] of total 10 and pctStart 0.1.",
  ],
  [
    () => oneCycleMomentum({ total: 10, pctStart: 0.75, threePhase: true }),
    "oneCycleMomentum: the phases must end at steps above 0 that increase; got [6.5,13,9] of total 10 and pctStart 0.75.",
  ],
  [() => join([[one, 0], one]), "join: steps of parts[0] must be above 0; got 0."],
  [
    () => join([] as unknown as [typeof one]),
    "join: the last part must be a schedule without a number of steps; got no parts.",
  ],
  [
    () => join([[one, 5]] as unknown as [typeof one]),
    "join: the last part must be a schedule without a number of steps; got a pair.",
  ],
  [
    () => join([one, one] as unknown as [typeof one]),
    "join: parts[0] must be [schedule, steps]; got function.",
  ],
  [() => clamp(one, {}), "clamp: there must be a min or a max; got neither."],
  [() => clamp(one, { min: 2, max: 1 }), "clamp: min must be at most max; got 2 and 1."],
])("a schedule without sense throws (%#)", (make, message) => {
  expect(make).toThrow(ConfigError);
  expect(make).toThrow(message);
});
