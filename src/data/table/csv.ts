/** CSV and TSV files as tables: csv-parse divides them into cells, the rules of `infer.ts` say what the columns are. */
import { isUtf8 } from "node:buffer";
import { CsvError } from "csv-parse";
import { parse } from "csv-parse/sync";
import { type FileSource, readSource } from "../../files/index.ts";
import { DataError } from "../../util/index.ts";
import { columnsOf } from "./columns.ts";
import {
  type CsvOptions,
  checkCsvOptions,
  missingOf,
  parserOptions,
  rowError,
  Skipped,
  sniffDelimiter,
} from "./csv-options.ts";
import { decodeText, encodingOf } from "./decode.ts";
import { Table } from "./table.ts";

export interface TableFile {
  readonly table: Table;
  /** Rows left out. */
  readonly skipped: number;
  /** Why and where, for the first hundred of them. */
  readonly problems: readonly string[];
}

/**
 * Reads a CSV file: a header, then rows of as many cells, in quotes or not. What each column holds follows from its cells: numbers; dates
 * (ISO 8601 alone: 1/2/2026 is two different days); categories, where there are at most 20 different strings, or half as many as rows;
 * else text. A column in which a number begins with 0 holds codes, as postcodes are, and is no number. Such rules can be overruled by
 * `columns`.
 *
 * Throws ConfigError for wrong options; FileError where the file cannot be read; DataError that names file, line and column for what is
 * wrong in it.
 *
 * @example
 * const { table } = await readCsv(new TextEncoder().encode("rooms,town\n3,Bern\n5,Oslo\n"));
 * table.names; // ["rooms", "town"]
 */
export async function readCsv(source: FileSource, options: CsvOptions = {}): Promise<TableFile> {
  checkCsvOptions("readCsv", options);
  const { name, bytes } = await readSource(source, "the CSV data");
  return parseCsv(bytes, name, options);
}

/** The same with tabs between the cells. */
export async function readTsv(
  source: FileSource,
  options: Omit<CsvOptions, "delimiter"> = {},
): Promise<TableFile> {
  checkCsvOptions("readTsv", options);
  const { name, bytes } = await readSource(source, "the TSV data");
  return parseCsv(bytes, name, { ...options, delimiter: "\t" });
}

function parseCsv(bytes: Uint8Array, name: string, options: CsvOptions): TableFile {
  const text = utf8(bytes, name, options);
  const delimiter =
    options.delimiter ?? sniffDelimiter(Buffer.from(text.subarray(0, 65_536)).toString(), options);
  const skipped = new Skipped();
  const parser = parserOptions(options, delimiter, name, skipped);
  let rows: string[][];
  try {
    rows = parse(text, parser);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw rowError(name, error, ' Mend it, or pass onBadRow: "skip".');
  }
  if (rows.length === 0) throw new DataError(`${name}: there must be a row; got an empty file.`);
  const header = options.header === false ? null : rows[0];
  if (header !== null && rows.length === 1) {
    throw new DataError(
      `${name}: there must be a row below the header; got none. Without a header pass header: false.`,
    );
  }
  // Seldom asked for: then the file is parsed again, as rows in quotes may go over several lines.
  const lineOf = (row: number): string => {
    const until = row + 1 + (header === null ? 0 : 1);
    let line = 0;
    parse(text, {
      ...parser,
      to: until,
      on_record: (record, { lines }) => {
        line = lines;
        return record;
      },
    });
    return `${name}, line ${line}`;
  };
  const columns = columnsOf(rows, {
    op: name,
    header,
    kinds: options.columns ?? {},
    missing: missingOf(options),
    where: lineOf,
  });
  return { table: new Table(columns), skipped: skipped.count, problems: skipped.problems };
}

/** As UTF-8 without a mark of byte order, checked, and without a copy where it is that already. Throws DataError. */
function utf8(bytes: Uint8Array, name: string, { encoding }: CsvOptions): Buffer {
  const plain = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const given = (encoding ?? encodingOf(bytes)).toLowerCase();
  if ((given === "utf-8" || given === "utf8") && isUtf8(plain) && !plain.includes(0)) {
    return plain[0] === 0xef && plain[1] === 0xbb && plain[2] === 0xbf ? plain.subarray(3) : plain;
  }
  return Buffer.from(decodeText(bytes, name, given));
}
