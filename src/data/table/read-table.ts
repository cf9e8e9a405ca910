/** One reader for every kind of table, by the file's name. */
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../../util/index.ts";
import { readCsv, readTsv, type TableFile } from "./csv.ts";
import type { CsvOptions } from "./csv-options.ts";
import { readJsonLines } from "./json-lines.ts";
import { readParquet } from "./parquet.ts";

/** Endings of the files `readTable` reads. */
export const tableEndings = [".csv", ".tsv", ".tab", ".txt", ".jsonl", ".ndjson", ".parquet"] as const;

/**
 * Reads a table from a file: CSV (.csv, .txt), tabs (.tsv, .tab), JSON lines (.jsonl, .ndjson) or Parquet. Options are those of its
 * reader; those of CSV are not known to the others.
 *
 * Throws ConfigError for another ending, else as the reader.
 *
 * @example const { table } = await readTable("houses.csv");
 */
export async function readTable(source: string | URL, options: CsvOptions = {}): Promise<TableFile> {
  const path = typeof source === "string" ? source : fileURLToPath(source);
  switch (extname(path).toLowerCase()) {
    case ".csv":
    case ".txt":
      return readCsv(path, options);
    case ".tsv":
    case ".tab":
      return readTsv(path, options);
    case ".jsonl":
    case ".ndjson":
      return readJsonLines(path, options);
    case ".parquet":
      return { table: await readParquet(path, options), skipped: 0, problems: [] };
    default:
      throw new ConfigError(`${path}: the file must end in one of ${tableEndings.join(", ")}.`);
  }
}
