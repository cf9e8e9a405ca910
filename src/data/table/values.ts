/** Columns of values that have a type already, as JSON and Parquet give them. */
import { DataError } from "../../util/index.ts";
import { type ColumnKind, columnOf, inferColumn, shorten } from "./infer.ts";
import type { Column } from "./table.ts";

export interface Values {
  readonly name: string;
  readonly values: readonly unknown[];
  /** Says where a row is, for errors. */
  readonly where: (row: number) => string;
  readonly kind?: ColumnKind | undefined;
}

const none: ReadonlySet<string> = new Set([""]);
const isMissing = (value: unknown): boolean => value === null || value === undefined;
const isNumber = (value: unknown): value is number | bigint =>
  typeof value === "number" || typeof value === "bigint";

/**
 * Numbers, dates, and strings as the rules of `infer.ts` take them, but that a string is never a number; true and false are categories. Where
 * they are mixed, all count as strings. Throws DataError for lists and objects, whole numbers a double cannot hold, and cells that are
 * not of the kind asked for.
 */
export function columnOfValues({ name, values, where, kind }: Values): Column {
  for (const [row, value] of values.entries()) {
    const plain = value instanceof Date || typeof value !== "object" || value === null;
    if (!plain || typeof value === "function" || typeof value === "symbol") {
      throw new DataError(
        `${where(row)}, column "${name}": must be a number, a string, true, false, a date or null; got ${Array.isArray(value) ? "a list" : `an ${typeof value}`}.`,
      );
    }
    if (typeof value === "bigint" && BigInt(Number(value)) !== value) {
      throw new DataError(
        `${where(row)}, column "${name}": whole numbers must be within what a double holds; got ${value}.`,
      );
    }
  }
  const numbers = values.every((value) => isMissing(value) || isNumber(value));
  if (numbers && (kind === undefined || kind === "number")) {
    return {
      kind: "number",
      name,
      values: Float64Array.from(values, (value) => (isNumber(value) ? Number(value) : NaN)),
    };
  }
  const dates = values.every((value) => isMissing(value) || value instanceof Date);
  if (dates && (kind === undefined || kind === "date")) {
    const time = (value: unknown) => (value instanceof Date ? value.getTime() : Number.NaN);
    return { kind: "date", name, values: Float64Array.from(values, time) };
  }
  const cells = values.map(textOf);
  const column = { name, cells, missing: none, where };
  if (kind !== undefined) return columnOf(kind, column);
  const inferred = inferColumn(column);
  // What the file says is a string is one: "12" may be a code.
  if (inferred.kind !== "number") return inferred;
  const asCategories = columnOf("category", column);
  const few =
    asCategories.kind === "category" && asCategories.categories.length <= Math.max(20, cells.length / 2);
  return few ? asCategories : columnOf("text", column);
}

function textOf(value: unknown): string {
  if (isMissing(value)) return "";
  return value instanceof Date ? value.toISOString() : String(value);
}

/** What errors show of a value. */
export const showValue = (value: unknown): string => shorten(String(value));
