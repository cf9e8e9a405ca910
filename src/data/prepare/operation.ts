/** What a preparation is made of: operations on one column, each with a fitted state that is plain JSON. */
import type { z } from "zod";
import { DataError } from "../../util/index.ts";
import type { Column, NumberColumn } from "../table/table.ts";

export type Kind = Column["kind"];

/** Hears of values that an operation could not take as they were. */
export type Note = (what: "missing" | "unknown" | "unreadable", count: number) => void;

/** A fitted operation at work: the columns that take the column's place. */
export type Apply = (column: Column, note: Note) => readonly Column[];

/** An operation by name, as a saved preparation refers to it. */
export interface Operation {
  readonly name: string;
  /** The kinds of column it takes. */
  readonly kinds: readonly Kind[];
  /** Checks a state from outside. Throws DataError. */
  read(state: unknown): Apply;
}

/** An operation that is to be fitted: what `standardScale()` and its like give. */
export interface Transform {
  readonly operation: Operation;
  /** From a column of the training part to the state, which is plain JSON. */
  fit(column: Column): unknown;
}

/** Makes an operation of a function; the schema stands between it and files. */
export function operation<F>(
  name: string,
  kinds: readonly Kind[],
  schema: z.ZodType<F>,
  apply: (column: Column, fitted: F, note: Note) => readonly Column[],
): Operation {
  return {
    name,
    kinds,
    read(state) {
      const parsed = schema.safeParse(state);
      if (parsed.success) return (column, note) => apply(column, parsed.data, note);
      const issue = parsed.error.issues[0];
      throw new DataError(
        `preparation: the state of ${name} is not right at ${issue?.path.join("/") || "its top"} (${issue?.message}). The file is damaged.`,
      );
    },
  };
}

/** An operation on numbers, one by one; NaN (missing) stays NaN. */
export const pointwise = <F>(
  name: string,
  schema: z.ZodType<F>,
  map: (fitted: F) => (value: number) => number,
): Operation =>
  operation(name, ["number"], schema, (column, fitted) => {
    if (column.kind !== "number") return [column]; // the pipeline lets no other kind in
    return [{ ...column, values: column.values.map(map(fitted)) }];
  });

export const numberColumn = (name: string, values: Float64Array): NumberColumn => ({
  kind: "number",
  name,
  values,
});

/** The values of numbers and dates that are there, in increasing order. */
export function sortedValues(column: Column): Float64Array {
  if (column.kind !== "number" && column.kind !== "date") return new Float64Array();
  return column.values.filter((value) => !Number.isNaN(value)).sort();
}

/** The q-quantile by linear interpolation between order statistics (Hyndman and Fan's type 7); 0 of none. */
export function quantile(sorted: Float64Array, q: number): number {
  const place = q * (sorted.length - 1);
  const low = Math.floor(place);
  const [a = 0, b = a] = [sorted[low], sorted[low + 1]];
  return a + (b - a) * (place - low);
}

/** The strings of a column of categories or text that are there, each once, in code-unit order. */
export function distinctStrings(column: Column): string[] {
  return [...stringCounts(column).keys()].sort();
}

/** How often each string is there: only rows count, whatever categories the column lists. */
export function stringCounts(column: Column): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of strings(column)) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** The value of each row of a column of categories or text; null is missing. */
export function strings(column: Column): (string | null)[] {
  if (column.kind === "text") return [...column.values];
  if (column.kind === "category") return Array.from(column.codes, (code) => column.categories[code] ?? null);
  return [];
}
