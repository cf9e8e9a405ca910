import { describe, expect, test } from "vitest";
import { type Column, Table, valueAt } from "../../../src/data/index.ts";

const table = () =>
  new Table([
    { kind: "number", name: "price", values: Float64Array.of(1, Number.NaN, 3) },
    { kind: "category", name: "town", codes: Int32Array.of(1, 0, -1), categories: ["Bern", "Oslo"] },
    { kind: "text", name: "note", values: ["a", null, "c"] },
    { kind: "date", name: "sold", values: Float64Array.of(0, 86_400_000, Number.NaN) },
  ]);
const row = (columns: readonly Column[], at: number) => columns.map((column) => valueAt(column, at));

describe("Table", () => {
  test("gives values, and null where they are missing", () => {
    const { columns } = table();
    expect(row(columns, 0)).toEqual([1, "Oslo", "a", "1970-01-01T00:00:00.000Z"]);
    expect(row(columns, 1)).toEqual([null, "Bern", null, "1970-01-02T00:00:00.000Z"]);
    expect(row(columns, 2)).toEqual([3, null, "c", null]);
  });

  test("selects rows in the order given, twice where named twice", () => {
    const picked = table().select([2, 0, 2]);
    expect(picked.length).toBe(3);
    expect(row(picked.columns, 1)).toEqual(row(table().columns, 0));
    expect(row(picked.columns, 2)).toEqual(row(table().columns, 2));
  });

  test("picks, drops and replaces columns", () => {
    expect(table().pick(["note", "price"]).names).toEqual(["note", "price"]);
    expect(table().drop(["note", "price"]).names).toEqual(["town", "sold"]);
    const price: Column = { kind: "number", name: "price", values: Float64Array.of(7, 8, 9) };
    expect(table().with(price).column("price")).toBe(price);
    expect(table().with(price).names).toEqual(table().names);
    expect(table().with({ ...price, name: "rooms" }).names).toEqual([...table().names, "rooms"]);
  });

  test("refuses names and rows that do not exist, names given twice and unequal lengths", () => {
    expect(() => table().column("pric")).toThrow('table: there is no column "pric". Did you mean "price"?');
    expect(() => table().drop(["towns"])).toThrow('"town"');
    expect(() => table().select([3])).toThrow("rows must be whole numbers in [0, 3); got 3");
    const price: Column = { kind: "number", name: "price", values: Float64Array.of(1, 2, 3) };
    expect(() => new Table([price, price])).toThrow('got "price" twice');
    expect(() => new Table([price, { ...price, name: "b", values: Float64Array.of(1) }])).toThrow(
      '"price" has 3 rows, "b" 1',
    );
  });
});
