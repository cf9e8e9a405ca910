/** Values in the place of missing ones. */
import { z } from "zod";
import { ConfigError, optionNames, rejectUnknown } from "../../util/index.ts";
import type { Column } from "../table/table.ts";
import {
  numberColumn,
  operation,
  quantile,
  sortedValues,
  stringCounts,
  type Transform,
} from "./operation.ts";
import { meanAndDeviation } from "./scale.ts";

const schema = z.strictObject({ value: z.union([z.number(), z.string()]), indicator: z.boolean() });

export const imputing = operation(
  "impute",
  ["number", "date", "category", "text"],
  schema,
  (column, { value, indicator }, note) => {
    const missing = missingRows(column);
    note(
      "missing",
      missing.reduce((sum, one) => sum + one, 0),
    );
    const filled = fill(column, value);
    return indicator ? [filled, numberColumn(`${column.name}:missing`, missing)] : [filled];
  },
);

/** 1 where the value is missing. */
export function missingRows(column: Column): Float64Array {
  if (column.kind === "text") return Float64Array.from(column.values, (value) => (value === null ? 1 : 0));
  if (column.kind === "category") return Float64Array.from(column.codes, (code) => (code < 0 ? 1 : 0));
  return column.values.map((value) => (Number.isNaN(value) ? 1 : 0));
}

function fill(column: Column, value: number | string): Column {
  if (column.kind === "text") return { ...column, values: column.values.map((old) => old ?? String(value)) };
  if (column.kind !== "category")
    return { ...column, values: column.values.map((old) => (Number.isNaN(old) ? Number(value) : old)) };
  const text = String(value);
  const there = column.categories.indexOf(text);
  const code = there < 0 ? column.categories.length : there;
  const categories = there < 0 ? [...column.categories, text] : column.categories;
  return { ...column, categories, codes: column.codes.map((old) => (old < 0 ? code : old)) };
}

export interface ImputeOptions {
  /** What stands for a missing value: of numbers and dates "median" (default), "mean"; of any column "mostFrequent"; or the constant itself. */
  readonly by?: "median" | "mean" | "mostFrequent" | { readonly constant: number | string };
  /** Adds a column `<name>:missing` of 0 and 1 where the training part misses any. Default false. */
  readonly indicator?: boolean;
}

const imputeOptions = optionNames<ImputeOptions>({ by: true, indicator: true });

/**
 * The training part's median, mean or most frequent value (of equally frequent ones the smallest), or a constant, where values are
 * missing. Columns of categories and text take "mostFrequent" where nothing is said. A column without any value is filled with 0, or
 * "missing".
 *
 * @throws ConfigError for an unknown way, and while fitting for a mean or median of words.
 * @example pipeline([on({ kind: "number" }, impute({ by: "median", indicator: true }))]);
 */
export function impute(options: ImputeOptions = {}): Transform {
  rejectUnknown("impute", options, imputeOptions);
  const { by, indicator = false } = options;
  const isConstant = typeof by === "object" && by !== null;
  if (!isConstant && ![undefined, "median", "mean", "mostFrequent"].includes(by)) {
    throw new ConfigError(
      `impute: by must be "median", "mean", "mostFrequent" or { constant }; got ${JSON.stringify(by)}.`,
    );
  }
  return {
    operation: imputing,
    fit(column) {
      const value = isConstant ? constantFor(column, by.constant) : fitted(column, by);
      return { value, indicator: indicator && missingRows(column).includes(1) };
    },
  };
}

function constantFor(column: Column, constant: number | string): number | string {
  const isNumeric = column.kind === "number" || column.kind === "date";
  if (!isNumeric) return String(constant);
  if (typeof constant === "number" && Number.isFinite(constant)) return constant;
  throw new ConfigError(
    `impute: the constant for ${column.kind} column "${column.name}" must be a finite number; got ${JSON.stringify(constant)}.`,
  );
}

function fitted(column: Column, by: "median" | "mean" | "mostFrequent" | undefined): number | string {
  if (column.kind === "category" || column.kind === "text") {
    if (by === "mean" || by === "median") {
      throw new ConfigError(
        `impute: ${by} must be of numbers; "${column.name}" is ${column.kind}. Use "mostFrequent" or { constant }.`,
      );
    }
    const counts = [...stringCounts(column)];
    counts.sort(([a, many], [b, more]) => more - many || (a < b ? -1 : 1));
    return counts[0]?.[0] ?? "missing";
  }
  const sorted = sortedValues(column);
  if (by === "mean") return meanAndDeviation(sorted).centre;
  return by === "mostFrequent" ? mode(sorted) : quantile(sorted, 0.5);
}

/** The most frequent of sorted values, the smallest of several; 0 of none. */
function mode(sorted: Float64Array): number {
  let [best = 0, most, run] = [sorted[0], 0, 0];
  sorted.forEach((value, i) => {
    run = i > 0 && value === sorted[i - 1] ? run + 1 : 1;
    if (run > most) [best, most] = [value, run];
  });
  return best;
}
