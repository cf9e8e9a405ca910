/** Profiles: the numbers are NumPy's, and what would spoil training is named. */
import { describe, expect, test } from "vitest";
import { type Column, profileTable, Table } from "../../src/data/index.ts";

const numbers = (name: string, values: readonly number[]): Column => ({
  kind: "number",
  name,
  values: Float64Array.from(values),
});
const categories = (name: string, values: readonly (string | null)[]): Column => {
  const known = [...new Set(values.filter((value) => value !== null))].sort();
  return {
    kind: "category",
    name,
    categories: known,
    codes: Int32Array.from(values, (value) => (value === null ? -1 : known.indexOf(value))),
  };
};
const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const wave = (n: number) => range(n).map((i) => Math.round(1000 * Math.sin(i * i)));

const warned = (table: Table, target?: string) =>
  profileTable(table, target === undefined ? {} : { target }).warnings.map(({ kind, column }) => [
    kind,
    column,
  ]);

describe("profileTable", () => {
  test("numbers, as NumPy has them", () => {
    const profile = profileTable(new Table([numbers("a", [3, 1, Number.NaN, 4, 1, 5, 9, 2, 6])]), {
      bins: 4,
    });
    expect(profile.rows).toBe(9);
    expect(profile.columns[0]).toMatchObject({ kind: "number", missing: 1, distinct: 7 });
    // numpy.mean, std, quantile([0.25, 0.5, 0.75]) and histogram(bins=4) of [3, 1, 4, 1, 5, 9, 2, 6]
    expect(profile.columns[0]?.numbers).toMatchObject({
      min: 1,
      max: 9,
      quartiles: [1.75, 3.5, 5.25],
    });
    expect(profile.columns[0]?.numbers?.mean).toBeCloseTo(3.875, 12);
    expect(profile.columns[0]?.numbers?.deviation).toBeCloseTo(2.5708704751503917, 12);
    expect(profile.columns[0]?.numbers?.histogram).toEqual({ from: 1, to: 9, counts: [3, 2, 2, 1] });
  });

  test("numbers that a sum does not hold, infinite ones, one value, none", () => {
    const facts = (values: readonly number[]) =>
      profileTable(new Table([numbers("a", values)])).columns[0]?.numbers;
    expect(facts([1e308, 1e308, 1e308])).toMatchObject({ mean: 1e308, deviation: 0 });
    expect(facts([-1.7e308, 1.7e308])?.histogram.counts.reduce((a, b) => a + b)).toBe(2);
    expect(facts([1, Number.POSITIVE_INFINITY, 3])).toMatchObject({ max: Number.POSITIVE_INFINITY, mean: 2 });
    expect(facts([7, 7])?.histogram.counts[0]).toBe(2);
    expect(facts([Number.NaN])).toBeNull();
  });

  test("categories, the most frequent first", () => {
    const [column] = profileTable(new Table([categories("a", ["x", "y", "y", null])])).columns;
    expect(column).toMatchObject({
      missing: 1,
      distinct: 2,
      top: [
        { value: "y", count: 2 },
        { value: "x", count: 1 },
      ],
    });
  });

  test("columns that are constant, missing or numbers of the row, and double rows", () => {
    const table = new Table([
      numbers(
        "constant",
        range(30).map(() => 2),
      ),
      numbers(
        "empty",
        range(30).map(() => Number.NaN),
      ),
      numbers(
        "rare",
        range(30).map((i) => (i < 20 ? Number.NaN : i % 3)),
      ),
      numbers("id", range(30)),
      numbers("good", wave(30)),
    ]);
    expect(warned(table)).toEqual([
      ["constant", "constant"],
      ["missing", "empty"],
      ["missing", "rare"],
      ["id", "id"],
    ]);
    expect(warned(table.select([0, 1, 2, 3, 3, 3]).pick(["good"]))).toEqual([["duplicates", null]]);
    expect(profileTable(table.select([0, 1, 2, 3, 3, 3])).duplicateRows).toBe(2);
  });

  test("columns that give the target away", () => {
    const price = wave(60);
    const table = new Table([
      numbers("price", price),
      numbers(
        "double",
        price.map((value) => 2 * value + 7),
      ),
      numbers(
        "nearly",
        price.map((value, i) => value + (i % 2)),
      ),
      numbers(
        "other",
        range(60).map((i) => Math.round(1000 * Math.cos(3 * i))),
      ),
    ]);
    expect(warned(table, "price")).toEqual([
      ["leak", "double"],
      ["leak", "nearly"],
    ]);
    expect(warned(table)).toEqual([]);
  });

  test("a category that determines the class; one that does so by being different each time does not count", () => {
    const label = range(60).map((i) => (i % 3 === 0 ? "yes" : "no"));
    const table = new Table([
      categories("label", label),
      categories(
        "code",
        label.map((value, i) => `${value}-${i % 5}`),
      ),
      categories(
        "mixed",
        range(60).map((i) => `m${i % 4}`),
      ),
      categories(
        "unique",
        range(60).map((i) => `two words ${i}`),
      ),
    ]);
    expect(warned(table, "label")).toEqual([["leak", "code"]]);
  });

  test("a target with one value, with missing ones, with rare classes; a target that does not exist", () => {
    const table = new Table([
      categories(
        "one",
        range(40).map(() => "a"),
      ),
      categories(
        "some",
        range(40).map((i) => (i === 0 ? null : i % 2 ? "a" : "b")),
      ),
      categories(
        "rare",
        range(40).map((i) => (i < 2 ? "a" : "b")),
      ),
    ]);
    expect(warned(table, "one").map(([kind]) => kind)).toContain("target");
    expect(warned(table, "some")).toContainEqual(["target", "some"]);
    expect(warned(table, "rare")).toContainEqual(["imbalance", "rare"]);
    expect(() => profileTable(table, { target: "sme" })).toThrow('Did you mean "some"?');
  });
});
