/** Every transform against scikit-learn: fitted on the first rows, applied to all. */
import { readFileSync } from "node:fs";
import {
  bagOfWords,
  bins,
  type Column,
  impute,
  minMaxScale,
  on,
  oneHot,
  ordinal,
  pipeline,
  powerTransform,
  robustScale,
  standardScale,
  Table,
  type Transform,
  trainTestSplit,
  valueAt,
} from "nabla/data";
import { expect, it } from "vitest";
import { murmur3 } from "../../../src/data/prepare/murmur.ts";

type Values = (number | null)[];
const golden = JSON.parse(readFileSync(new URL("goldens/prepare.json", import.meta.url), "utf8"));

const number = (values: Values): Column => ({
  kind: "number",
  name: "c",
  values: Float64Array.from(values, (value) => value ?? Number.NaN),
});
const text = (values: string[]): Column => ({ kind: "text", name: "c", values });

/** Rows of the results, column by column. */
function applied(column: Column, ...transforms: Transform[]): Values[] {
  const table = new Table([column]);
  const held = (table.length - golden.train) / table.length;
  const { train } = trainTestSplit(table, { inOrder: true, test: held });
  expect(train.data.length).toBe(golden.train);
  const { table: made } = pipeline([on("c", ...transforms)])
    .fit(train)
    .apply(table);
  return made.columns.map((one) =>
    Array.from({ length: table.length }, (_, row) => valueAt(one, row) as number | null),
  );
}

function near(actual: Values | undefined, expected: Values, digits = 12): void {
  expect(actual?.length).toBe(expected.length);
  actual?.forEach((value, row) => {
    const wanted = expected[row];
    if (value === null || wanted === null || wanted === undefined) expect(value).toBe(wanted);
    else expect(value).toBeCloseTo(wanted, digits);
  });
}

it.each([
  ["standardScale", "numbers", [standardScale()]],
  ["standardScaleHoles", "holes", [standardScale()]],
  ["minMaxScale", "numbers", [minMaxScale({ range: [-1, 2] })]],
  ["robustScale", "holes", [robustScale()]],
  ["mean", "holes", [impute({ by: "mean" })]],
  ["median", "holes", [impute({ by: "median" })]],
  ["mostFrequent", "repeated", [impute({ by: "mostFrequent" })]],
  ["constant", "holes", [impute({ by: { constant: -7.5 } })]],
] as const)("%s", (name, column, transforms) => {
  near(applied(number(golden[column]), ...transforms)[0], golden[name]);
});

it.each(["uniform", "quantile"] as const)("bins: %s", (by) => {
  const [labels] = applied(number(golden.numbers), bins({ count: 4, by }));
  expect(labels?.map((label) => Number.parseInt(String(label), 10))).toEqual(golden[by]);
});

it("powerTransform, whose lambda is found by a search", () => {
  near(applied(number(golden.numbers), powerTransform(), standardScale())[0], golden.powerTransform, 5);
  const { train } = trainTestSplit(new Table([number(golden.numbers)]), { inOrder: true, test: 0.25 });
  const state = pipeline([on("c", powerTransform())]).fit(train).state.program[0]?.state;
  expect((state as { lambda: number }).lambda).toBeCloseTo(golden.lambda, 6);
});

it("oneHot and ordinal, with a category that training lacks", () => {
  const columns = applied(text(golden.words), oneHot());
  expect(columns[0]?.map((_, row) => columns.map((column) => column[row]))).toEqual(golden.oneHot);
  expect(applied(text(golden.words), ordinal())[0]).toEqual(golden.ordinal);
});

it("bagOfWords and the hash", () => {
  const table = new Table([text(golden.texts)]);
  const { train } = trainTestSplit(table, { inOrder: true, test: 0.25 });
  const { x } = pipeline([on("c", bagOfWords({ buckets: 16 }))])
    .fit(train)
    .features(table);
  expect([...x.data]).toEqual(golden.bagOfWords.flat());
  for (const [word, hash] of golden.murmur) expect(murmur3(word)).toBe(hash);
});
