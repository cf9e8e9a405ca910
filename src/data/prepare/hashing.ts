/** Hashed features: many categories, or the words of texts, in a fixed number of columns. */
import { z } from "zod";
import { ConfigError, optionNames, rejectUnknown } from "../../util/index.ts";
import type { Column } from "../table/table.ts";
import { murmur3 } from "./murmur.ts";
import { type Note, numberColumn, operation, strings, type Transform } from "./operation.ts";

const schema = z.strictObject({ buckets: z.int().min(1).max(65536) });

export const hashing = operation("hashed", ["category", "text"], schema, (column, { buckets }, note) =>
  counted(column, buckets, note, (value) => [value]),
);
export const wordCounting = operation(
  "bagOfWords",
  ["category", "text"],
  schema,
  (column, { buckets }, note) => counted(column, buckets, note, words),
);

/** Runs of two or more letters, digits and underscores, in lower case. */
const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}_]{2,}/gu) ?? [];

function counted(
  column: Column,
  buckets: number,
  note: Note,
  partsOf: (value: string) => readonly string[],
): Column[] {
  const values = strings(column);
  const columns = Array.from({ length: buckets }, () => new Float64Array(values.length));
  let missing = 0;
  values.forEach((value, row) => {
    if (value === null) missing++;
    for (const part of value === null ? [] : partsOf(value)) {
      const bucket = columns[Math.abs(murmur3(part)) % buckets] as Float64Array;
      bucket[row] = (bucket[row] as number) + 1;
    }
  });
  note("missing", missing);
  return columns.map((data, i) => numberColumn(`${column.name}#${i}`, data));
}

export interface HashOptions {
  /** Columns, up to 65,536: values whose hashes fall together share one. Default 32 of `hashed`, 128 of `bagOfWords`. */
  readonly buckets?: number;
}

const hashOptions = optionNames<HashOptions>({ buckets: true });

function readBuckets(op: string, options: HashOptions, usual: number): { buckets: number } {
  rejectUnknown(op, options, hashOptions);
  const { buckets = usual } = options;
  if (schema.safeParse({ buckets }).success) return { buckets };
  throw new ConfigError(`${op}: buckets must be a whole number from 1 to 65536; got ${buckets}.`);
}

/**
 * 1 in column `<name>#<|MurmurHash3(value)| mod buckets>`: for categories too many to have a column each. None is unseen; a missing value
 * is 0 everywhere.
 *
 * @throws ConfigError for a number of buckets out of range.
 * @example pipeline([on(["postcode"], hashed({ buckets: 64 }))]);
 * @see Weinberger et al., "Feature hashing for large scale multitask learning", 2009
 */
export function hashed(options: HashOptions = {}): Transform {
  const state = readBuckets("hashed", options, 32);
  return { operation: hashing, fit: () => state };
}

/**
 * How often words of each hash occur in a text. Words are runs of two or more letters, digits and underscores, in lower case.
 *
 * @throws ConfigError for a number of buckets out of range.
 * @example pipeline([on({ kind: "text" }, bagOfWords({ buckets: 256 }))]);
 */
export function bagOfWords(options: HashOptions = {}): Transform {
  const state = readBuckets("bagOfWords", options, 128);
  return { operation: wordCounting, fit: () => state };
}
