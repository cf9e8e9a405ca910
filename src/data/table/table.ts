/** Tables: named columns of one length, each of one kind. Readers make them of files, preprocessing makes numbers of them. */
import { ConfigError, DataError, suggestion } from "../../util/index.ts";

/** Numbers; NaN is missing. */
export interface NumberColumn {
  readonly kind: "number";
  readonly name: string;
  readonly values: Float64Array;
}

/** Milliseconds since 1970 in UTC; NaN is missing. */
export interface DateColumn {
  readonly kind: "date";
  readonly name: string;
  readonly values: Float64Array;
}

/** One of a few strings, by its place among them; -1 is missing. Yes and no are two categories. */
export interface CategoryColumn {
  readonly kind: "category";
  readonly name: string;
  readonly codes: Int32Array;
  readonly categories: readonly string[];
}

/** Strings that are seldom the same; null is missing. */
export interface TextColumn {
  readonly kind: "text";
  readonly name: string;
  readonly values: readonly (string | null)[];
}

export type Column = NumberColumn | DateColumn | CategoryColumn | TextColumn;

export const columnLength = (column: Column): number =>
  column.kind === "category" ? column.codes.length : column.values.length;

/** The value in that row: a number, a string, a date in ISO 8601; null where it is missing. */
export function valueAt(column: Column, row: number): number | string | null {
  if (column.kind === "text") return column.values[row] ?? null;
  if (column.kind === "category") return column.categories[column.codes[row] as number] ?? null;
  const value = column.values[row] as number;
  if (Number.isNaN(value)) return null;
  return column.kind === "date" ? new Date(value).toISOString() : value;
}

/** Columns of one length with different names; never changed. Throws DataError where they are not. */
export class Table {
  readonly columns: readonly Column[];
  readonly length: number;

  constructor(columns: readonly Column[]) {
    const [first] = columns;
    this.columns = columns;
    this.length = first ? columnLength(first) : 0;
    const names = new Set<string>();
    for (const column of columns) {
      if (names.has(column.name)) {
        throw new DataError(`table: columns must have different names; got "${column.name}" twice.`);
      }
      names.add(column.name);
      if (columnLength(column) !== this.length) {
        throw new DataError(
          `table: columns must be of one length; "${first?.name}" has ${this.length} rows, "${column.name}" ${columnLength(column)}.`,
        );
      }
    }
  }

  get names(): readonly string[] {
    return this.columns.map(({ name }) => name);
  }

  /** Throws ConfigError with the nearest name where there is none of that name. */
  column(name: string): Column {
    const found = this.columns.find((column) => column.name === name);
    if (found) return found;
    throw new ConfigError(`table: there is no column "${name}".${suggestion(name, this.names)}`);
  }

  /** Those rows, in that order. Throws DataError for one that does not exist. */
  select(rows: Int32Array | readonly number[]): Table {
    for (const row of rows) {
      if (!Number.isInteger(row) || row < 0 || row >= this.length) {
        throw new DataError(`table: rows must be whole numbers in [0, ${this.length}); got ${row}.`);
      }
    }
    return new Table(this.columns.map((column) => selectRows(column, rows)));
  }

  /** The named columns, in that order. Throws as `column`. */
  pick(names: readonly string[]): Table {
    return new Table(names.map((name) => this.column(name)));
  }

  /** All columns but the named ones. Throws as `column`. */
  drop(names: readonly string[]): Table {
    for (const name of names) this.column(name);
    return new Table(this.columns.filter(({ name }) => !names.includes(name)));
  }

  /** With this column in the place of the one of its name, or after the last. */
  with(column: Column): Table {
    const there = this.columns.some(({ name }) => name === column.name);
    if (!there) return new Table([...this.columns, column]);
    return new Table(this.columns.map((old) => (old.name === column.name ? column : old)));
  }
}

function selectRows(column: Column, rows: Int32Array | readonly number[]): Column {
  if (column.kind === "text")
    return { ...column, values: Array.from(rows, (row) => column.values[row] ?? null) };
  if (column.kind === "category") {
    return { ...column, codes: Int32Array.from(rows, (row) => column.codes[row] as number) };
  }
  return { ...column, values: Float64Array.from(rows, (row) => column.values[row] as number) };
}
