/** What is decided for a table, and hostile tables. */
import { type Column, Table, trainValidationTestSplit } from "nabla/data";
import { decide, runFold, tableFolds } from "nabla/train";
import { describe, expect, it } from "vitest";
import { ConfigError, DataError } from "../../../src/util/index.ts";

const number = (name: string, of: (row: number) => number, rows = 40): Column => ({
  kind: "number",
  name,
  values: Float64Array.from({ length: rows }, (_, row) => of(row)),
});
const text = (name: string, of: (row: number) => string | null, rows = 40): Column => ({
  kind: "text",
  name,
  values: Array.from({ length: rows }, (_, row) => of(row)),
});
const category = (name: string, of: (row: number) => number, categories: string[], rows = 40): Column => ({
  kind: "category",
  name,
  codes: Int32Array.from({ length: rows }, (_, row) => of(row)),
  categories,
});
const noise = (row: number, salt: number) =>
  ((Math.imul(row * 31 + salt, 2654435761) >>> 8) % 1000) / 500 - 1;
const x = number("x", (row) => noise(row, 1));
const price = number("price", (row) => 3 * noise(row, 1) + noise(row, 2));
const sold = category("sold", (row) => (noise(row, 1) > 0 ? 1 : 0), ["no", "yes"]);

describe("decide", () => {
  it("tells the task by the target", () => {
    expect(decide(new Table([x, price]), { target: "price" }).task).toBe("regression");
    expect(decide(new Table([x, sold]), { target: "sold" }).task).toBe("binary");
    const grade = number("grade", (row) => row % 3);
    expect(decide(new Table([x, grade]), { target: "grade" }).task).toBe("multiclass");
    expect(decide(new Table([x, grade]), { target: "grade", task: "regression" }).task).toBe("regression");
  });

  it("leaves out ids, constants, empty columns and what tells the target, with a line for each", () => {
    const { lines, columns } = decide(
      new Table([
        number("id", (row) => 100 + row),
        text("code", (row) => `c${row * row}`),
        number("constant", () => 5),
        number("empty", () => Number.NaN),
        number("cents", (row) => 100 * (price.kind === "number" ? Number(price.values[row]) : 0)),
        x,
        text("note", (row) => `sunny place ${row}`),
        price,
      ]),
      { target: "price" },
    );
    expect(Object.fromEntries(columns.dropped.map(({ column, why }) => [column, why.split(":")[0]]))).toEqual(
      {
        id: "it numbers the rows",
        code: "every row has its own value, as an id has",
        constant: "it is constant",
        empty: "all its values are missing",
        cents: "it tells the target",
      },
    );
    expect(lines).toContain('left out: "constant", since it is constant');
    expect(lines.some((line) => line.startsWith("text, as counted words: note"))).toBe(true);
  });

  it("another name for each class tells the target", () => {
    const copy = category("flag", (row) => (noise(row, 1) > 0 ? 0 : 1), ["A", "B"]);
    expect(decide(new Table([x, copy, sold]), { target: "sold" }).columns.dropped[0]?.column).toBe("flag");
  });

  it("goes on without rows whose target is missing", () => {
    const holes = number("price", (row) => (row < 5 ? Number.NaN : noise(row, 3)));
    const { lines, data } = decide(new Table([x, holes]), { target: "price" });
    expect(lines).toContain('left out: 5 rows without "price"');
    expect(data.train.length + (data.validation?.length ?? 0) + (data.test?.length ?? 0)).toBe(35);
  });

  it("says what is wrong", () => {
    expect(() => decide(new Table([x, price]), { target: "prise" })).toThrow('Did you mean "price"?');
    expect(() => decide(new Table([x, number("y", () => 1)]), { target: "y" })).toThrow(
      "There is nothing to learn",
    );
    expect(() => decide(new Table([x, number("y", () => Number.NaN)]), { target: "y" })).toThrow(
      "all are missing",
    );
    expect(() =>
      decide(new Table([number("x", () => 1, 1), number("y", () => 1, 1)]), { target: "y" }),
    ).toThrow(DataError);
    expect(() =>
      decide(new Table([number("x", (row) => row, 4), number("y", (row) => row, 4)]), { target: "y" }),
    ).toThrow("at least 10 rows");
    expect(() => decide(new Table([price]), { target: "price" })).toThrow("must be a column to learn from");
    expect(() => decide(new Table([x, sold]), { target: "sold", task: "regression" })).toThrow(ConfigError);
    expect(() => decide(new Table([x, text("t", (row) => `${row}`)]), { target: "t" })).toThrow(
      "a few classes",
    );
  });

  it("fits the same whatever rows that are held back hold", () => {
    const places = number("z", (row) => row + noise(row, 4) / 9);
    const preparationOf = (z: Column) => decide(new Table([x, z, sold]), { target: "sold" }).data;
    const before = preparationOf(places);
    // Which rows are held back follows the target and the seed alone.
    const parts = trainValidationTestSplit(new Table([places, sold]), { seed: 0, stratify: "sold" });
    const column = parts.test.column("z");
    const held = new Set(column.kind === "number" ? column.values : []);
    const wild = (of: (value: number) => boolean) =>
      preparationOf(
        number("z", (row) => (of(row + noise(row, 4) / 9) ? 1e6 + row : row + noise(row, 4) / 9)),
      );
    expect(held.size).toBe(6);
    const after = wild((value) => held.has(value));
    expect(JSON.stringify(after.preparation)).toBe(JSON.stringify(before.preparation));
    expect(after.test?.x.data).not.toEqual(before.test?.x.data);
    expect(JSON.stringify(wild((value) => !held.has(value)).preparation)).not.toBe(
      JSON.stringify(before.preparation),
    );
  });
});

it("more columns than rows train to finite scores", async () => {
  const many = Array.from({ length: 60 }, (_, i) => number(`x${i}`, (row) => noise(row, i)));
  const [fold] = tableFolds(new Table([...many, sold]), { target: "sold", epochs: 3 }, 2);
  if (!fold) throw new Error("no fold");
  const scores = await runFold(fold);
  expect(Object.values(scores).every(Number.isFinite)).toBe(true);
});
