/** What rows are told apart by when they are split: classes, bins of a number, groups. */
import { ConfigError, DataError } from "../../util/index.ts";
import { Dataset } from "../dataset.ts";
import { type Column, columnLength, valueAt } from "../table/table.ts";
import type { Splittable } from "./part.ts";

type Key = string | number | null;

/** A column by name (of a Dataset: "y"), or a value for each row. */
export type SplitBy = string | readonly Key[] | Int32Array | Float32Array | Float64Array;

const valuesOf = (column: Column): Key[] =>
  Array.from({ length: columnLength(column) }, (_, row) => valueAt(column, row));

function keysOf(op: string, name: string, data: Splittable, by: SplitBy): Key[] {
  if (typeof by !== "string") {
    if (by.length === data.length) return Array.from(by, (key) => (Number.isNaN(key) ? null : key));
    throw new ConfigError(
      `${op}: ${name} must have a value for each of ${data.length} rows; got ${by.length}.`,
    );
  }
  if (!(data instanceof Dataset)) return valuesOf(data.column(by));
  if (by !== "y" || data.y.shape.length !== 1) {
    throw new ConfigError(
      `${op}: of a data set, ${name} must be "y" where that is one number a row, or a list of values; got ${JSON.stringify(by)}.`,
    );
  }
  return Array.from(data.y.data);
}

/**
 * A code from 0 for each row: classes in the order they appear, a number of more than `bins` values by quantile bins (equal values share
 * one), missing values together.
 */
export function strata(op: string, data: Splittable, by: SplitBy, bins: number): Int32Array {
  const keys = keysOf(op, "stratify", data, by);
  const distinct = new Set(keys);
  if (distinct.size > bins && keys.every((key) => typeof key !== "string")) return quantileBins(keys, bins);
  return codes(keys);
}

/** A code from 0 for each row: rows of one group have one code. Throws DataError where a row has no group. */
export function groupsOf(op: string, data: Splittable, by: SplitBy): Int32Array {
  const keys = keysOf(op, "groups", data, by);
  const row = keys.indexOf(null);
  if (row >= 0)
    throw new DataError(`${op}: every row must have a group; row ${row} has none. Drop it or name one.`);
  return codes(keys);
}

function codes(keys: readonly Key[]): Int32Array {
  const seen = new Map<Key, number>();
  return Int32Array.from(keys, (key) => {
    const code = seen.get(key) ?? seen.size;
    seen.set(key, code);
    return code;
  });
}

function quantileBins(keys: readonly (Key | undefined)[], bins: number): Int32Array {
  const rows = keys.map((_, row) => row).filter((row) => keys[row] !== null);
  rows.sort((a, b) => Number(keys[a]) - Number(keys[b]) || a - b);
  const result = new Int32Array(keys.length).fill(bins); // the missing ones
  let bin = 0;
  rows.forEach((row, rank) => {
    const isNew = rank === 0 || keys[row] !== keys[rows[rank - 1] as number];
    if (isNew) bin = Math.floor((rank * bins) / rows.length);
    result[row] = bin;
  });
  return result;
}
