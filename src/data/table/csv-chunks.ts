/** CSV files larger than memory: one table after the other, of as many rows each. */
import { pipeline, Readable } from "node:stream";
import { CsvError, Parser } from "csv-parse";
import { readParts } from "../../files/index.ts";
import { ConfigError, DataError } from "../../util/index.ts";
import { ChunkColumns } from "./chunk-columns.ts";
import {
  type CsvOptions,
  checkCsvOptions,
  missingOf,
  parserOptions,
  rowError,
  Skipped,
  sniffDelimiter,
} from "./csv-options.ts";
import { checkNul, countLines, decoderOf, encodingOf } from "./decode.ts";
import type { Table } from "./table.ts";

export interface CsvChunkOptions extends CsvOptions {
  /** Of each table but the last; default 10,000. */
  readonly rows?: number;
  /** Of each row left out with `onBadRow: "skip"`. */
  readonly onSkip?: (problem: string) => void;
}

/**
 * The tables of a file, without holding more than one of them. What the columns are follows from the first table, or from `columns`: a
 * later cell that does not fit is an error. Categories are numbered in the order in which they come, equally in all tables, which have
 * all those that came so far. Each iteration reads the file from its beginning.
 *
 * Throws as `readCsv`, while it is being read.
 *
 * @example
 * for await (const table of csvChunks("clicks.csv", { rows: 50_000 })) console.log(table.length);
 */
export function csvChunks(path: string, options: CsvChunkOptions = {}): AsyncIterable<Table> {
  checkCsvOptions("csvChunks", options, ["rows", "onSkip"]);
  const { rows = 10_000 } = options;
  if (!Number.isSafeInteger(rows) || rows < 1) {
    throw new ConfigError(`csvChunks: rows must be a whole number of at least 1; got ${rows}.`);
  }
  return { [Symbol.asyncIterator]: () => tables(path, rows, options) };
}

async function* tables(path: string, most: number, options: CsvChunkOptions): AsyncGenerator<Table> {
  const text = decoded(path, options.encoding);
  const first = await text.next();
  if (first.done) throw new DataError(`${path}: there must be a row; got an empty file.`);
  const delimiter = options.delimiter ?? sniffDelimiter(first.value, options);
  const skipped = new Skipped(options.onSkip);
  const parser = new Parser({ ...parserOptions(options, delimiter, path, skipped), info: true });
  const source = Readable.from(
    (async function* () {
      yield first.value;
      yield* text;
    })(),
  );
  pipeline(source, parser, () => undefined); // its error comes out of the parser
  let columns: ChunkColumns | null = null;
  let rows: string[][] = [];
  let lines: number[] = [];
  let any = false;
  const take = (): Table => {
    any = true;
    const at = lines;
    const table = (columns as ChunkColumns).table(rows, (row) => `${path}, line ${at[row]}`);
    [rows, lines] = [[], []];
    return table;
  };
  try {
    for await (const { record, info } of parser as AsyncIterable<{
      record: string[];
      info: { lines: number };
    }>) {
      if (columns === null) {
        const header = options.header === false ? null : record;
        columns = new ChunkColumns(path, header, record.length, options.columns ?? {}, missingOf(options));
        if (header !== null) continue;
      }
      rows.push(record);
      lines.push(info.lines);
      if (rows.length === most) yield take();
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw rowError(path, error, ' Mend it, or pass onBadRow: "skip".');
  } finally {
    source.destroy(); // a loop left early closes the file
  }
  if (rows.length > 0) yield take();
  if (!any) {
    throw new DataError(
      `${path}: there must be a row${options.header === false ? "" : " below the header"}; got none.`,
    );
  }
}

/** The file's text in parts, none of them empty. Throws FileError, or DataError where it is no text. */
async function* decoded(path: string, encoding: string | undefined): AsyncGenerator<string> {
  let decoder: InstanceType<typeof TextDecoder> | null = null;
  let line = 1;
  try {
    for await (const bytes of readParts(path)) {
      decoder ??= decoderOf(encoding ?? encodingOf(bytes));
      const text = decoder.decode(bytes, { stream: true });
      checkNul(text, path, line);
      line += countLines(text);
      if (text !== "") yield text;
    }
    const rest = decoder?.decode() ?? "";
    if (rest !== "") yield rest;
  } catch (error) {
    if (error instanceof TypeError) {
      throw new DataError(
        `${path}, after line ${line}: must be ${decoder?.encoding} text; got bytes that are not. Give its encoding, as { encoding: "windows-1252" }.`,
      );
    }
    throw error;
  }
}
