/** Splits: parts are disjoint, cover everything, follow their seed, and keep classes, groups and order as asked. */
import fc from "fast-check";
import { allForTraining, dataset, kFold, Table, trainTestSplit, trainValidationTestSplit } from "nabla/data";
import { describe, expect, it } from "vitest";
import { ConfigError, DataError } from "../../../src/util/index.ts";

function sample(length: number, classes = 3): Table {
  const of = (row: number) => ((row * 7) % 11) % classes;
  return new Table([
    { kind: "number", name: "row", values: Float64Array.from({ length }, (_, row) => row) },
    {
      kind: "category",
      name: "class",
      codes: Int32Array.from({ length }, (_, row) => of(row)),
      categories: ["a", "b", "c"],
    },
    { kind: "number", name: "group", values: Float64Array.from({ length }, (_, row) => Math.floor(row / 4)) },
  ]);
}

const numbers = (table: Table, name: string): number[] => {
  const column = table.column(name);
  if (column.kind === "category") return [...column.codes];
  return column.kind === "number" ? [...column.values] : [];
};
const count = (values: readonly number[], value: number) => values.filter((other) => other === value).length;

describe("trainValidationTestSplit", () => {
  it("gives disjoint parts of the asked size that cover all rows, and the same for the same seed", () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 300 }), fc.nat(1000), (length, seed) => {
        const table = sample(length);
        const parts = trainValidationTestSplit(table, { seed, validation: 0.2, test: 0.1 });
        const [train, validation, test] = [parts.train.data, parts.validation, parts.test].map((part) =>
          numbers(part, "row"),
        ) as [number[], number[], number[]];
        expect(test.length).toBe(Math.round(0.1 * length + 1e-9));
        expect(Math.abs(validation.length - 0.2 * length)).toBeLessThanOrEqual(1);
        expect([...train, ...validation, ...test].sort((a, b) => a - b)).toEqual(numbers(table, "row"));
        const again = trainValidationTestSplit(table, { seed, validation: 0.2, test: 0.1 });
        expect(numbers(again.train.data, "row")).toEqual(train);
      }),
      { numRuns: 50 },
    );
    const of = (seed: number) => numbers(trainTestSplit(sample(50), { seed }).test, "row");
    expect(of(1)).not.toEqual(of(2));
  });

  it("stratified: each part has its share of every class to within a row", () => {
    const table = sample(101);
    for (let seed = 0; seed < 20; seed++) {
      const { test, train } = trainTestSplit(table, { seed, test: 0.3, stratify: "class" });
      for (const code of [0, 1, 2]) {
        const all = count(numbers(table, "class"), code);
        expect(Math.abs(count(numbers(test, "class"), code) - 0.3 * all)).toBeLessThan(1 + 1e-6);
        expect(count(numbers(test, "class"), code) + count(numbers(train.data, "class"), code)).toBe(all);
      }
    }
  });

  it("stratified by a number: the parts' quantiles are alike", () => {
    const { test } = trainTestSplit(sample(200), { test: 0.1, stratify: "row", bins: 10 });
    const bins = numbers(test, "row").map((row) => Math.floor(row / 20));
    for (let bin = 0; bin < 10; bin++) expect(count(bins, bin)).toBe(2);
  });

  it("grouped: no group is in two parts", () => {
    for (let seed = 0; seed < 10; seed++) {
      const parts = trainValidationTestSplit(sample(120), { seed, groups: "group" });
      const sets = [parts.train.data, parts.validation, parts.test].map(
        (part) => new Set(numbers(part, "group")),
      );
      expect(sets.reduce((sum, set) => sum + set.size, 0)).toBe(30);
      expect(Math.abs(parts.test.length - 18)).toBeLessThanOrEqual(4);
    }
  });

  it("in order: later rows are held back", () => {
    const parts = trainValidationTestSplit(sample(100), { inOrder: true });
    expect(numbers(parts.train.data, "row").at(-1)).toBe(69);
    expect(numbers(parts.validation, "row")[0]).toBe(70);
    expect(numbers(parts.test, "row")[0]).toBe(85);
  });

  it("cuts data sets too", () => {
    const y = Int32Array.from({ length: 40 }, (_, row) => row % 2);
    const data = dataset({ x: { data: Float32Array.from(y, (_, i) => i), shape: [40, 1] }, y });
    const { train, test } = trainTestSplit(data, { test: 0.5, stratify: "y" });
    expect(count([...test.y.data], 1)).toBe(10);
    expect([...train.data.x.data, ...test.x.data].sort((a, b) => a - b)).toEqual([...data.x.data]);
  });

  it("says what is wrong", () => {
    const table = sample(10);
    expect(() => trainTestSplit(table, { test: 1.5 })).toThrow(
      "trainTestSplit: test must be a share between 0 and 1; got 1.5.",
    );
    expect(() => trainTestSplit(table, { stratify: "clas" })).toThrow(
      'there is no column "clas". Did you mean "class"?',
    );
    expect(() => trainTestSplit(table, { stratify: "class", inOrder: true })).toThrow(ConfigError);
    expect(() => trainTestSplit(sample(1))).toThrow(DataError);
    expect(() => trainTestSplit(table, { groups: [1, 2] })).toThrow(
      "groups must have a value for each of 10 rows; got 2.",
    );
    expect(() => trainTestSplit(table, { groups: [null, 1, 1, 1, 1, 1, 1, 1, 1, 1] })).toThrow(
      "row 0 has none",
    );
    expect(() => trainValidationTestSplit(table, { validation: 0.5, test: 0.5 })).toThrow(
      "leave rows for training",
    );
    // @ts-expect-error an option that does not exist
    expect(() => trainTestSplit(table, { seeds: 1 })).toThrow('Did you mean "seed"?');
    expect(() => allForTraining(sample(0))).toThrow(DataError);
  });
});

describe("kFold", () => {
  it("holds every row back once, in folds equal to within a row", () => {
    const folds = kFold(sample(103), { folds: 5, seed: 3 });
    const held = folds.flatMap(({ test }) => numbers(test, "row"));
    expect(held.sort((a, b) => a - b)).toEqual(numbers(sample(103), "row"));
    expect(folds.map(({ test }) => test.length).sort()).toEqual([20, 20, 21, 21, 21]);
    for (const { train, test, rows } of folds) {
      expect(train.data.length + test.length).toBe(103);
      expect(numbers(test, "row")).toEqual([...rows.test]);
    }
  });

  it("stratified: classes too", () => {
    for (const { test } of kFold(sample(103), { folds: 4, stratify: "class" })) {
      for (const code of [0, 1, 2]) {
        const share = count(numbers(sample(103), "class"), code) / 4;
        expect(Math.abs(count(numbers(test, "class"), code) - share)).toBeLessThan(1);
      }
    }
  });

  it("grouped: a group is held back whole", () => {
    for (const { train, test } of kFold(sample(90), { folds: 3, groups: "group" })) {
      const there = new Set(numbers(test, "group"));
      expect(numbers(train.data, "group").some((group) => there.has(group))).toBe(false);
    }
  });

  it("in order: trains on what was before", () => {
    const folds = kFold(sample(60), { folds: 5, inOrder: true });
    expect(folds.map(({ rows }) => [rows.train.length, rows.test[0], rows.test.length])).toEqual([
      [10, 10, 10],
      [20, 20, 10],
      [30, 30, 10],
      [40, 40, 10],
      [50, 50, 10],
    ]);
  });

  it("says what is wrong", () => {
    expect(() => kFold(sample(10), { folds: 1 })).toThrow(ConfigError);
    expect(() => kFold(sample(3), { folds: 4 })).toThrow(DataError);
    expect(() => kFold(sample(8), { folds: 3, groups: "group" })).toThrow("fold 3 has none");
  });
});
