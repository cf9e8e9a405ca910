/** Metrics by group against scikit-learn (goldens/tables.py). */
import { tensor } from "nabla";
import { recall } from "nabla/metrics";
import { type GroupOptions, metricsByGroup } from "nabla/trust";
import { describe, expect, test } from "vitest";
import { tables } from "./tables.ts";

const { groups: golden, calibration } = tables;
const names = ["a", "b", "c"];

test("yes and no: metrics, rates, and the largest differences, leaving out what a group does not have", async () => {
  const targets = tensor(golden.yes, { dtype: "i32" });
  const options = { metrics: ["accuracy", "logLoss"], groups: golden.group } as const;
  const found = await metricsByGroup(tensor(calibration.scores), targets, options);
  expect(found.groups.map(({ group }) => group)).toEqual(names);
  for (const { group, rows, metrics, rates } of found.groups) {
    const own = golden.own[group];
    expect(rows).toBe(own?.rows);
    expect(metrics.accuracy).toBeCloseTo(own?.accuracy as number, 6);
    expect(metrics.logLoss).toBeCloseTo(own?.logLoss as number, 4);
    for (const rate of ["selectionRate", "truePositiveRate", "falsePositiveRate"] as const) {
      if (own?.[rate] === null) expect(rates?.[rate]).toBeNull();
      else expect(rates?.[rate]).toBeCloseTo(own?.[rate] as number, 12);
    }
  }
  expect(golden.own.c?.truePositiveRate).toBeNull();
  const range = (rate: "selectionRate" | "truePositiveRate" | "falsePositiveRate") => {
    const values = names.map((name) => golden.own[name]?.[rate]).filter((v) => typeof v === "number");
    return Math.max(...values) - Math.min(...values);
  };
  expect(found.fairness?.selectionRateDifference).toBeCloseTo(range("selectionRate"), 12);
  expect(found.fairness?.truePositiveRateDifference).toBeCloseTo(range("truePositiveRate"), 12);
  expect(found.fairness?.falsePositiveRateDifference).toBeCloseTo(range("falsePositiveRate"), 12);
  const odds = Math.max(range("truePositiveRate"), range("falsePositiveRate"));
  expect(found.fairness?.equalisedOddsDifference).toBeCloseTo(odds, 12);
  const byAccuracy = names.toSorted(
    (a, b) => Number(golden.own[a]?.accuracy) - Number(golden.own[b]?.accuracy),
  );
  const { accuracy } = found.gaps;
  expect([accuracy?.lowest, accuracy?.highest]).toEqual([byAccuracy[0], byAccuracy[2]]);
  const [low, high] = [byAccuracy[0] as string, byAccuracy[2] as string];
  const difference = Number(golden.own[high]?.accuracy) - Number(golden.own[low]?.accuracy);
  expect(accuracy?.difference).toBeCloseTo(difference, 6);
});

test("several classes: the rates of one of them against the rest, and metrics with options", async () => {
  const two = recall({ classes: 4, average: 2 });
  const options: GroupOptions = {
    metrics: ["accuracy", two as GroupOptions["metrics"][number]],
    groups: golden.group,
  };
  const [logits, targets] = [tensor(calibration.logits), tensor(calibration.labels, { dtype: "i32" })];
  const plain = await metricsByGroup(logits, targets, options);
  expect(plain.fairness).toBeUndefined();
  const found = await metricsByGroup(logits, targets, { ...options, positive: 2 });
  for (const { group, metrics, rates } of found.groups) {
    expect(metrics.accuracy).toBeCloseTo(golden.several[group]?.accuracy as number, 6);
    expect(metrics[two.name]).toBeCloseTo(golden.several[group]?.["recall 2"] as number, 6);
    // The recall of a class is its true positive rate.
    expect(rates?.truePositiveRate).toBeCloseTo(golden.several[group]?.["recall 2"] as number, 12);
  }
  expect(Object.keys(found.gaps)).toEqual(["accuracy", two.name]);
});

test("one logit in a column is the same; numbers have no rates; overall is of all rows", async () => {
  const targets = tensor(golden.yes, { dtype: "i32" });
  const options = { metrics: ["accuracy"], groups: golden.group.map((group) => group === "a") } as const;
  const column = await metricsByGroup(tensor(calibration.scores).unsqueeze(-1), targets, options);
  expect(column).toEqual(await metricsByGroup(tensor(calibration.scores), targets, options));
  const weighed = column.groups.reduce(
    (sum, { rows, metrics }) => sum + rows * (metrics.accuracy as number),
    0,
  );
  expect(column.overall.accuracy).toBeCloseTo(weighed / golden.yes.length, 6);
  const numbers = await metricsByGroup(tensor([1, 2, 3, 5]), tensor([1, 2, 4, 4]), {
    metrics: ["mae"],
    groups: ["x", "x", "y", "y"],
  });
  expect(numbers.fairness).toBeUndefined();
  expect(numbers.gaps).toEqual({ mae: { difference: 1, lowest: "x", highest: "y" } });
});

describe("errors", () => {
  const logits = () => tensor([1, -1, 2]);
  const y = () => tensor([1, 0, 1], { dtype: "i32" });
  const groups = ["a", "b", "a"];
  const base = { metrics: ["accuracy"] as const, groups };
  const wrong: [string, () => Promise<unknown>, string][] = [
    [
      "length",
      () => metricsByGroup(logits(), y(), { ...base, groups: ["a"] }),
      "one of groups for each row; got 1 for 3 rows.",
    ],
    [
      "targets",
      () => metricsByGroup(logits(), tensor([1]), base),
      "one of targets for each row; got 1 for 3 rows.",
    ],
    [
      "one group",
      () => metricsByGroup(logits(), y(), { ...base, groups: ["a", "a", "a"] }),
      'two groups at least to compare; got only "a".',
    ],
    [
      "no group",
      () => metricsByGroup(logits(), y(), { ...base, groups: ["a", "b", null] as string[] }),
      "row 2 has null.",
    ],
    [
      "metric",
      () => metricsByGroup(logits(), y(), { ...base, metrics: ["acuracy" as "accuracy"] }),
      'Did you mean "accuracy"?',
    ],
    [
      "no metric",
      () => metricsByGroup(logits(), y(), { ...base, metrics: [] }),
      "metrics must name one at least",
    ],
    [
      "positive",
      () => metricsByGroup(logits(), y(), { ...base, positive: 2 }),
      "positive must be a class in [0, 2); got 2.",
    ],
    [
      "option",
      () => metricsByGroup(logits(), y(), { ...base, group: [] } as typeof base),
      'Did you mean "groups"?',
    ],
  ];
  test.each(wrong)("%s", async (_name, run, message) => {
    await expect(run()).rejects.toThrow(message);
  });
});
