/** Columns of one kind as another: a file to predict on may read as other kinds than the one that was trained on. */
import type { Column } from "../table/table.ts";
import { columnLength, valueAt } from "../table/table.ts";
import type { Kind, Note } from "./operation.ts";

/** The column as that kind. What cannot be read as it is missing, and counted as unreadable. */
export function asKind(column: Column, kind: Kind, note: Note): Column {
  if (column.kind === kind) return column;
  const { name } = column;
  const values = Array.from({ length: columnLength(column) }, (_, row) => valueAt(column, row));
  if (kind === "text") return { kind, name, values: values.map((value) => value?.toString() ?? null) };
  if (kind === "category") {
    const words = values.map((value) => value?.toString() ?? null);
    const categories = [...new Set(words.filter((word) => word !== null))].sort();
    const places = new Map(categories.map((category, place) => [category, place]));
    return {
      kind,
      name,
      categories,
      codes: Int32Array.from(words, (word) => (word === null ? -1 : (places.get(word) ?? -1))),
    };
  }
  let unreadable = 0;
  const numbers = Float64Array.from(values, (value) => {
    if (value === null) return Number.NaN;
    const read = kind === "date" ? new Date(value).getTime() : toNumber(value);
    if (Number.isNaN(read)) unreadable++;
    return read;
  });
  note("unreadable", unreadable);
  return { kind, name, values: numbers };
}

function toNumber(value: number | string): number {
  if (typeof value === "string" && value.trim() === "") return Number.NaN;
  const read = Number(value);
  return Number.isFinite(read) ? read : Number.NaN;
}
