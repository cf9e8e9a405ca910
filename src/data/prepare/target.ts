/** Targets of tables as a network learns them: classes by number, numbers with mean 0 and deviation 1. */
import { z } from "zod";
import { ConfigError, DataError, suggestion } from "../../util/index.ts";
import type { HostArray } from "../host.ts";
import { type Column, columnLength, type Table, valueAt } from "../table/table.ts";
import { sortedValues } from "./operation.ts";
import { meanAndDeviation } from "./scale.ts";

export const targetSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("number"),
    column: z.string(),
    mean: z.number(),
    deviation: z.number().positive(),
  }),
  z.strictObject({ kind: z.literal("classes"), column: z.string(), classes: z.array(z.string()).min(2) }),
]);

/** Class i is `classes[i]`; a number y is learnt as (y - mean) / deviation. */
export type TargetCoding = z.infer<typeof targetSchema>;

/** The class of each row as a string; null is missing. */
export const classNames = (column: Column): (string | null)[] =>
  Array.from({ length: columnLength(column) }, (_, row) => valueAt(column, row)?.toString() ?? null);

/** Fits the coding on the training part's column. Throws ConfigError for words as numbers, DataError for a single class. */
export function fitTarget(column: Column, task: "regression" | "classification"): TargetCoding {
  const { name } = column;
  if (task === "regression") {
    if (column.kind !== "number") {
      throw new ConfigError(
        `target: for regression "${name}" must be of numbers; it is ${column.kind}. Use classification.`,
      );
    }
    const { centre, scale } = meanAndDeviation(sortedValues(column));
    return { kind: "number", column: name, mean: centre, deviation: scale };
  }
  const classes = [...new Set(classNames(column).filter((value) => value !== null))];
  // Numbers in their order: class 10 comes after class 9.
  classes.sort(column.kind === "number" ? (a, b) => Number(a) - Number(b) : (a, b) => (a < b ? -1 : 1));
  if (classes.length < 2) {
    throw new DataError(
      `target: "${name}" must have at least two classes; got ${classes.length === 1 ? `only "${classes[0]}"` : "none"}. There is nothing to learn.`,
    );
  }
  return { kind: "classes", column: name, classes };
}

/** i32 [n] of classes, or f32 [n, 1]. Throws DataError naming the row of a missing or unknown target. */
export function encodeTarget(coding: TargetCoding, table: Table): HostArray {
  const column = table.column(coding.column);
  const missing = (row: number) =>
    new DataError(
      `target: every row must have a target; "${coding.column}", row ${row} has none. Leave such rows out with withTarget(table, name).`,
    );
  if (coding.kind === "number") {
    const data = Float32Array.from({ length: table.length }, (_, row) => {
      const value = valueAt(column, row);
      if (typeof value !== "number") throw missing(row);
      return (value - coding.mean) / coding.deviation;
    });
    return { dtype: "f32", shape: [table.length, 1], data };
  }
  const places = new Map(coding.classes.map((name, place) => [name, place]));
  const data = Int32Array.from(classNames(column), (name, row) => {
    if (name === null) throw missing(row);
    const place = places.get(name);
    if (place !== undefined) return place;
    throw new DataError(
      `target: "${coding.column}", row ${row} is of class "${name}", which the training part lacks.${suggestion(name, coding.classes)}`,
    );
  });
  return { dtype: "i32", shape: [table.length], data };
}

/**
 * The rows whose target is there.
 *
 * @throws ConfigError for a column that is not there, naming the nearest.
 * @example const known = withTarget(table, "price");
 */
export function withTarget(table: Table, target: string): Table {
  const column = table.column(target);
  return table.select(
    Array.from({ length: table.length }, (_, row) => row).filter((row) => valueAt(column, row) !== null),
  );
}
