/** What a table is like, and what in it would spoil training: columns that are constant or missing, double rows, leaks of the target. */
import { type Column, columnLength, type Table, valueAt } from "../table/table.ts";
import { associationWith } from "./leaks.ts";
import { type ColumnProfile, profileColumn } from "./statistics.ts";

/** Something to look at before training. */
export interface Warning {
  readonly kind: "constant" | "missing" | "duplicates" | "id" | "leak" | "imbalance" | "target";
  /** Null for what is of the whole table. */
  readonly column: string | null;
  readonly message: string;
}

export interface TableProfile {
  readonly rows: number;
  readonly columns: readonly ColumnProfile[];
  /** Rows that are equal to an earlier one. */
  readonly duplicateRows: number;
  readonly warnings: readonly Warning[];
}

export interface ProfileOptions {
  /** The column to be predicted: the others are searched for what gives it away. */
  readonly target?: string;
  /** Of the histograms; default 16. */
  readonly bins?: number;
}

/**
 * Columns with their ranges and missing values, double rows, and warnings. A column leaks the target when it determines it: one value of
 * the target for each of its own, each coming more than once on average; or, of numbers, a correlation above 0.999.
 *
 * Throws ConfigError for a target that does not exist.
 *
 * @example
 * const { table } = await readCsv("houses.csv");
 * for (const { message } of profileTable(table, { target: "price" }).warnings) console.log(message);
 */
export function profileTable(table: Table, { target, bins = 16 }: ProfileOptions = {}): TableProfile {
  const goal = target === undefined ? null : table.column(target);
  const columns = table.columns.map((column) => profileColumn(column, bins));
  const duplicateRows = countDuplicates(table);
  const warnings: Warning[] = [];
  const warn = (kind: Warning["kind"], column: string | null, message: string): void => {
    warnings.push({ kind, column, message });
  };
  if (duplicateRows > 0) {
    warn(
      "duplicates",
      null,
      `${count(duplicateRows, "row")} equal to an earlier one: a split may put one in each part.`,
    );
  }
  for (const [index, profile] of columns.entries()) {
    const column = table.columns[index] as Column;
    const { name, missing, distinct } = profile;
    const present = table.length - missing;
    if (present === 0) warn("missing", name, `"${name}" has no value at all: leave it out.`);
    else if (distinct === 1 && missing === 0)
      warn("constant", name, `"${name}" is always the same: it tells nothing.`);
    else if (missing > table.length / 2) {
      warn("missing", name, `"${name}" is missing in ${percent(missing, table.length)} of the rows.`);
    }
    if (column === goal) continue;
    if (isId(column, distinct, present)) {
      warn(
        "id",
        name,
        `"${name}" is different in every row, as a number of the row is: it cannot be learned from.`,
      );
    } else if (goal !== null && present > 0 && distinct > 1) {
      const leak = associationWith(goal, column);
      if (leak !== null)
        warn("leak", name, `"${name}" gives the target away: ${leak}. Would it be known when predicting?`);
    }
  }
  const own = goal === null ? undefined : columns.find(({ name }) => name === goal.name);
  if (own !== undefined) warnTarget(own, table.length, warn);
  return { rows: table.length, columns, duplicateRows, warnings };
}

function warnTarget(
  { name, kind, missing, distinct, top }: ColumnProfile,
  rows: number,
  warn: (kind: Warning["kind"], column: string, message: string) => void,
): void {
  if (missing > 0)
    warn(
      "target",
      name,
      `the target "${name}" is missing in ${count(missing, "row")}: those cannot be used.`,
    );
  if (distinct < 2)
    warn(
      "target",
      name,
      `the target "${name}" has ${distinct === 1 ? "one value" : "no value"}: there is nothing to learn.`,
    );
  const [least, most] = [top.at(-1), top[0]];
  if (kind !== "category" || least === undefined || most === undefined || top.length < 2) return;
  if (most.count > 9 * least.count) {
    warn(
      "imbalance",
      name,
      `the classes are unequal: "${most.value}" is ${percent(most.count, rows)} of the rows, "${least.value}" ${percent(least.count, rows)}.`,
    );
  }
}

const count = (rows: number, what: string): string => `${rows} ${what}${rows === 1 ? "" : "s"}`;
const percent = (part: number, all: number): string => `${((100 * part) / all).toPrecision(3)} %`;

/** Whole numbers without gaps, or text and categories that are one word, different in every row. */
function isId(column: Column, distinct: number, present: number): boolean {
  if (distinct !== present || present < 20) return false;
  if (column.kind === "date") return false;
  if (column.kind === "number") {
    const sorted = column.values.filter((value) => !Number.isNaN(value)).sort();
    return sorted.every((value, i) => i === 0 || value === (sorted[i - 1] as number) + 1);
  }
  for (let row = 0; row < columnLength(column); row++) {
    const value = valueAt(column, row);
    if (typeof value === "string" && /\s/.test(value)) return false;
  }
  return true;
}

/** Rows whose cells are all equal to those of an earlier one. */
function countDuplicates(table: Table): number {
  const seen = new Set<string>();
  for (let row = 0; row < table.length; row++) {
    seen.add(JSON.stringify(table.columns.map((column) => plain(column, row))));
  }
  return table.length - seen.size;
}

const plain = (column: Column, row: number): number | string | null => {
  if (column.kind === "category") return column.codes[row] as number;
  if (column.kind === "text") return column.values[row] ?? null;
  const value = column.values[row] as number;
  return Number.isNaN(value) ? null : Number.isFinite(value) ? value : String(value);
};
