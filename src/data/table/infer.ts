/** What a column of strings holds: numbers, dates, categories or text; by fixed rules, so that equal files give equal types. */
import { ConfigError, DataError } from "../../util/index.ts";
import type { Column } from "./table.ts";

export type ColumnKind = Column["kind"];
export const columnKinds: readonly ColumnKind[] = ["number", "date", "category", "text"];

/** Cells that stand for a value that is not there, after spaces around them are taken off. */
export const defaultMissing: readonly string[] = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"];

/** As many different strings are categories whatever the number of rows. */
const FEW = 20;
const MOST_CATEGORIES = 1000;
const LONGEST_CATEGORY = 100;

const isoTime = /^[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?$/;

/** NaN where the cell is no decimal number. "0x10" is none, and "1,5" and "1 000" are none. */
export function toNumber(cell: string): number {
  const value = Number(cell);
  if (value !== 0 && Number.isInteger(value) && cell.length < 16) {
    // The usual case, settled by its first characters: digits and a sign, or hexadecimal and the like.
    const second = cell.charCodeAt(1);
    return second > 65 && cell.charCodeAt(0) === 48 ? Number.NaN : value;
  }
  if (Number.isNaN(value) || /[xob]/i.test(cell)) return Number.NaN;
  return value;
}

/** Milliseconds since 1970 of an ISO 8601 date, or date and time (without a zone it is UTC); NaN where the cell is none. */
export function toDate(cell: string): number {
  // By characters: a regular expression takes three times as long, and files have millions of dates.
  const [year, month, day] = [digits(cell, 0, 4), digits(cell, 5, 7), digits(cell, 8, 10)];
  if (cell.charCodeAt(4) !== 45 || cell.charCodeAt(7) !== 45) return Number.NaN;
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month))) return Number.NaN;
  if (cell.length === 10) return year >= 100 ? Date.UTC(year, month - 1, day) : Date.parse(cell);
  const rest = cell.slice(10);
  const time = isoTime.exec(rest);
  if (time === null) return Number.NaN;
  return Date.parse(`${cell.slice(0, 10)}T${rest.slice(1)}${time[4] === undefined ? "Z" : ""}`);
}

/** NaN where one is no digit. */
function digits(cell: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = cell.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = 10 * value + digit;
  }
  return value;
}

function daysOf(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

/** A number that begins with 0 and goes on with a digit: a code, as postcodes are. */
const isCode = (cell: string): boolean => {
  const at = cell.charCodeAt(0) === 45 || cell.charCodeAt(0) === 43 ? 1 : 0;
  const next = cell.charCodeAt(at + 1);
  return cell.charCodeAt(at) === 48 && next >= 48 && next <= 57;
};

export interface Cells {
  readonly name: string;
  /** As in the file. */
  readonly cells: readonly string[];
  readonly missing: ReadonlySet<string>;
  /** Says where a row is, for errors: "houses.csv, line 7". */
  readonly where: (row: number) => string;
}

/** The cells as the kind they all are: numbers, else dates, else categories or text. All missing: numbers. */
export function inferColumn(column: Cells): Column {
  return asNumbers(column, null) ?? asDates(column, null) ?? asStrings(column);
}

/** The cells as that kind. Throws DataError that names the place of one that is not. */
export function columnOf(kind: ColumnKind, column: Cells): Column {
  const fail = (row: number): never => {
    const what = kind === "date" ? "an ISO 8601 date as 2026-01-31 or 2026-01-31T12:00:00Z" : "a number";
    throw new DataError(
      `${column.where(row)}, column "${column.name}": must be ${what}; got "${shorten(column.cells[row] as string)}".`,
    );
  };
  if (kind === "number") return asNumbers(column, fail) as Column;
  if (kind === "date") return asDates(column, fail) as Column;
  return kind === "category" ? asCategories(column, null) : asText(column);
}

/** A long cell as errors show it. */
export const shorten = (cell: string): string => (cell.length > 40 ? `${cell.slice(0, 40)}…` : cell);

/** Throws ConfigError for a kind that does not exist. */
export function checkKind(op: string, name: string, kind: string): ColumnKind {
  const found = columnKinds.find((known) => known === kind);
  if (found) return found;
  throw new ConfigError(`${op}: column "${name}" must be one of ${columnKinds.join(", ")}; got "${kind}".`);
}

type Fail = ((row: number) => never) | null;

/** Null, or what `fail` throws, at the first cell that is none. */
function asNumbers({ name, cells, missing }: Cells, fail: Fail): Column | null {
  const values = new Float64Array(cells.length);
  let code = -1;
  for (let row = 0; row < cells.length; row++) {
    const cell = cells[row] as string;
    const value = toNumber(cell);
    // Zero is what empty cells are as numbers, too.
    if (value === 0 || Number.isNaN(value)) {
      const text = cell.trim();
      if (missing.has(text)) {
        values[row] = Number.NaN;
        continue;
      }
      if (Number.isNaN(value)) return fail === null ? null : fail(row);
    }
    if (code < 0 && isCode(cell)) code = row;
    values[row] = value;
  }
  return code >= 0 && fail === null ? null : { kind: "number", name, values };
}

function asDates({ name, cells, missing }: Cells, fail: Fail): Column | null {
  const values = new Float64Array(cells.length);
  for (let row = 0; row < cells.length; row++) {
    const cell = (cells[row] as string).trim();
    values[row] = toDate(cell);
    if (Number.isNaN(values[row]) && !missing.has(cell)) return fail === null ? null : fail(row);
  }
  return { kind: "date", name, values };
}

function asStrings(column: Cells): Column {
  return (
    asCategories(column, Math.min(MOST_CATEGORIES, Math.max(FEW, column.cells.length / 2))) ?? asText(column)
  );
}

function asCategories(column: Cells, most: null): Column;
function asCategories(column: Cells, most: number | null): Column | null;
/** Null where there are more than `most`, or one is long. Their order is that of their characters, whatever that of the rows. */
function asCategories({ name, cells, missing }: Cells, most: number | null): Column | null {
  const seen = new Map<string, number>();
  const found = new Int32Array(cells.length);
  for (let row = 0; row < cells.length; row++) {
    const cell = cells[row] as string;
    let code = seen.get(cell);
    if (code === undefined) {
      if (missing.has(cell.trim())) code = -1;
      else {
        code = seen.size;
        seen.set(cell, code);
        if (most !== null && (code >= most || cell.length > LONGEST_CATEGORY)) return null;
      }
    }
    found[row] = code;
  }
  const names = [...seen.keys()];
  const categories = [...names].sort();
  const rank = new Map(categories.map((category, index) => [category, index]));
  const codes = Int32Array.from(found, (code) =>
    code < 0 ? -1 : (rank.get(names[code] as string) as number),
  );
  return { kind: "category", name, codes, categories };
}

function asText({ name, cells, missing }: Cells): Column {
  return { kind: "text", name, values: cells.map((cell) => (missing.has(cell.trim()) ? null : cell)) };
}
