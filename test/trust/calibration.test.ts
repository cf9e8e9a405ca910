/** Calibration against scikit-learn and SciPy (goldens/tables.py). */
import { tensor } from "nabla";
import { calibrationError } from "nabla/metrics";
import { brierScore, calibrationCurve, temperatureScaling } from "nabla/trust";
import { describe, expect, test } from "vitest";
import { tables } from "./tables.ts";

const { calibration: golden } = tables;
const p = golden.scores.map((score) => 1 / (1 + Math.exp(-score)));
const q = golden.logits.flatMap((row) => {
  const powers = row.map(Math.exp);
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
});

test.each([
  ["binary", p, golden.yes],
  ["classes", q, golden.labels],
] as const)("curve, %s", (kind, probabilities, labels) => {
  for (const { actual, predicted, bins, strategy } of golden[kind]) {
    const curve = calibrationCurve(probabilities, labels, { bins, strategy });
    expect(curve.bins).toHaveLength(actual.length);
    let error = 0;
    curve.bins.forEach((bin, i) => {
      expect(bin.actual).toBeCloseTo(actual[i] as number, 12);
      expect(bin.predicted).toBeCloseTo(predicted[i] as number, 12);
      error += (bin.rows * Math.abs((actual[i] as number) - (predicted[i] as number))) / labels.length;
    });
    expect(curve.expectedError).toBeCloseTo(error, 12);
    const gaps = actual.map((share, i) => Math.abs(share - (predicted[i] as number)));
    expect(curve.largestError).toBeCloseTo(Math.max(...gaps), 12);
    expect(curve.bins.reduce((sum, bin) => sum + bin.rows, 0)).toBe(labels.length);
  }
});

test("the expected error is the metric's", async () => {
  const metric = calibrationError({ bins: 15 });
  const batch = {
    logits: tensor(golden.logits),
    targets: tensor(golden.labels, { dtype: "i32" }),
    loss: tensor(0),
  };
  const value = await metric.value(metric.update(metric.init(), batch)).item();
  expect(calibrationCurve(q, golden.labels, { bins: 15 }).expectedError).toBeCloseTo(value, 6);
});

test("Brier score", () => {
  expect(brierScore(p, golden.yes)).toBeCloseTo(golden.brier, 12);
  expect(brierScore(q, golden.labels)).toBeCloseTo(golden.brierClasses, 12);
});

test("temperature: the best there is, for classes and for yes and no", async () => {
  const labels = tensor(golden.labels, { dtype: "i32" });
  const yes = tensor(golden.yes, { dtype: "i32" });
  const cases = [
    [await temperatureScaling(tensor(golden.logits), labels), golden.temperature],
    [await temperatureScaling(tensor(golden.scores), yes), golden.temperatureBinary],
    [await temperatureScaling(tensor(golden.scores).unsqueeze(-1), yes), golden.temperatureBinary],
  ] as const;
  for (const [found, [temperature, before, after]] of cases) {
    expect(Math.abs(found.temperature / temperature - 1)).toBeLessThan(2e-3);
    expect(found.before.logLoss).toBeCloseTo(before, 5);
    expect(found.after.logLoss).toBeCloseTo(after, 5);
    expect(found.after.calibrationError).toBeLessThan(found.before.calibrationError);
  }
  // A temperature that is far off is found too.
  const hot = await temperatureScaling(tensor(golden.logits).mul(50), labels);
  expect(Math.abs(hot.temperature / (50 * golden.temperature[0]) - 1)).toBeLessThan(2e-3);
  const cold = await temperatureScaling(tensor(golden.logits).mul(0.02), labels);
  expect(Math.abs(cold.temperature / (0.02 * golden.temperature[0]) - 1)).toBeLessThan(5e-3);
});

describe("errors", () => {
  const wrong: [string, () => unknown, string][] = [
    ["lengths", () => calibrationCurve([0.5, 0.5, 0.5], [0, 1]), "got 3 and 2 labels."],
    ["no rows", () => brierScore([], []), "got 0 and 0 labels."],
    [
      "label",
      () => calibrationCurve([0.5, 0.5], [0, 2]),
      "labels must be whole numbers in [0, 2); row 1 has 2.",
    ],
    ["logits", () => brierScore([0.5, 3], [0, 1]), "row 1 has 3. Of logits take softmax or sigmoid."],
    ["NaN", () => calibrationCurve([0.5, Number.NaN], [0, 1]), "row 1 has NaN."],
    [
      "bins",
      () => calibrationCurve([0.5], [1], { bins: 0 }),
      "bins must be a whole number of at least 1; got 0.",
    ],
    [
      "strategy",
      () => calibrationCurve([0.5], [1], { strategy: "equal" as "uniform" }),
      "must be one of uniform, quantile",
    ],
    ["option", () => calibrationCurve([0.5], [1], { bin: 3 } as object), 'Did you mean "bins"?'],
  ];
  test.each(wrong)("%s", (_name, run, message) => {
    expect(run).toThrow(message);
  });

  const scaling: [string, number[][] | number[], number[], string][] = [
    [
      "a single class",
      [
        [1, 0],
        [0, 1],
      ],
      [1, 1],
      "labels must be of two classes at least; got only class 1.",
    ],
    [
      "no class",
      [
        [1, 0],
        [0, 1],
      ],
      [0, 2],
      "labels must be in [0, 2); row 1 has 2.",
    ],
    [
      "all right",
      [
        [1, 0],
        [0, 1],
      ],
      [0, 1],
      "some row must be wrong; all 2 are right",
    ],
    [
      "all wrong",
      [
        [1, 0],
        [0, 1],
      ],
      [1, 0],
      "speak for the labels; on average they do not",
    ],
    [
      "not finite",
      [
        [Number.NaN, 0],
        [0, 1],
        [1, 0],
      ],
      [0, 1, 1],
      "logits must be finite",
    ],
    [
      "rows",
      [
        [1, 0],
        [0, 1],
      ],
      [0],
      "one of labels for each row; got 1 for 2 rows.",
    ],
    ["yes and no, all right", [2, -1], [1, 0], "all 2 are right"],
  ];
  test.each(scaling)("temperature: %s", async (_name, logits, labels, message) => {
    await expect(temperatureScaling(tensor(logits), tensor(labels, { dtype: "i32" }))).rejects.toThrow(
      message,
    );
  });
  test("temperature: shape", async () => {
    await expect(temperatureScaling(tensor([[[1]]]), tensor([0]))).rejects.toThrow("must be [n, classes]");
  });
});
