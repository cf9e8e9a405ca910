/** Parquet files as tables, by hyparquet. */
import type { Worker } from "node:worker_threads";
import type { FileMetaData } from "hyparquet";
import { type FileSource, readSource } from "../../files/index.ts";
import { startWorker } from "../../modules/index.ts";
import { ConfigError, DataError, optionNames, rejectUnknown, suggestion } from "../../util/index.ts";
import { Categories } from "./chunk-columns.ts";
import { type ColumnKind, checkKind } from "./infer.ts";
import type { ParquetColumns, ParquetReply, ParquetRequest } from "./parquet-worker.ts";
import { type Column, Table } from "./table.ts";
import { columnOfValues } from "./values.ts";

export interface ParquetOptions {
  /** Only these columns. */
  readonly only?: readonly string[];
  /** What columns are, by name, in place of what their type in the file says. */
  readonly columns?: Readonly<Record<string, ColumnKind>>;
}

const known = optionNames<ParquetOptions>({ only: true, columns: true });

/** Cells a file may hold: a few bytes can stand for any number of equal ones. */
const MOST_CELLS = 2 ** 31;

/**
 * Reads a Parquet file, compressed or not (Snappy, gzip, Brotli, ZSTD, LZ4). Numbers, strings, booleans, dates and times become columns; lists and
 * nested fields are an error, so leave them out by `only`.
 *
 * Throws FileError where the file cannot be read; DataError naming it, and row and column of what is no plain value.
 *
 * @example const table = await readParquet("houses.parquet", { only: ["rooms", "price"] });
 */
export async function readParquet(source: FileSource, options: ParquetOptions = {}): Promise<Table> {
  const file = await openParquet("readParquet", source, options);
  try {
    return await file.table(0, Number(file.metadata.num_rows));
  } finally {
    await file.close();
  }
}

/** The tables of a file's row groups, one after the other, with categories numbered alike. Throws as `readParquet`. */
export async function* parquetChunks(
  source: FileSource,
  options: ParquetOptions = {},
): AsyncGenerator<Table> {
  const file = await openParquet("parquetChunks", source, options);
  const categories = new Categories();
  let start = 0;
  try {
    for (const { num_rows } of file.metadata.row_groups) {
      const end = start + Number(num_rows);
      const table = await file.table(start, end);
      yield new Table(table.columns.map((column) => categories.goOn(column)));
      start = end;
    }
  } finally {
    await file.close();
  }
}

interface OpenParquet {
  readonly metadata: FileMetaData;
  table(start: number, end: number): Promise<Table>;
  close(): Promise<void>;
}

async function openParquet(op: string, source: FileSource, options: ParquetOptions): Promise<OpenParquet> {
  rejectUnknown(op, options, known);
  const { only, columns = {} } = options;
  for (const [name, kind] of Object.entries(columns)) checkKind(op, name, kind);
  const { name, bytes } = await readSource(source, "the Parquet data");
  const metadata = await readMetadata(name, bytes);
  checkMetadata(name, metadata, bytes.length);
  const names = metadata.schema.slice(1).map((element) => element.name);
  for (const field of only ?? []) {
    if (!names.includes(field))
      throw new ConfigError(`${name}: there is no column "${field}".${suggestion(field, names)}`);
  }
  const decoder = new Decoder(name, bytes);
  const table = async (rowStart: number, rowEnd: number): Promise<Table> => {
    const found = await decoder.rows({ rowStart, rowEnd, only: only && [...only] });
    return new Table(
      found.map(
        ({ field, values }): Column =>
          columnOfValues({
            name: field,
            values,
            where: (row) => `${name}, row ${rowStart + row + 1}`,
            kind: Object.hasOwn(columns, field) ? columns[field] : undefined,
          }),
      ),
    );
  };
  return { metadata, table, close: () => decoder.close() };
}

const damaged = (name: string, why: string): DataError =>
  new DataError(`${name}: must be a whole Parquet file (${why}). Is it damaged, or of another kind?`);

/** hyparquet throws errors of many kinds for a damaged file. */
async function readMetadata(name: string, bytes: Uint8Array): Promise<FileMetaData> {
  // Loaded where it is needed: most programs read no Parquet.
  const { parquetMetadataAsync } = await import("hyparquet");
  try {
    return await parquetMetadataAsync({
      byteLength: bytes.length,
      slice: (start, end) => bytes.slice(start, end).buffer as ArrayBuffer,
    });
  } catch (error) {
    throw damaged(name, error instanceof Error ? error.message : String(error));
  }
}

/** What decoding a file may take: ten seconds, and one for each megabyte, where a hundredth of it is usual. */
const secondsFor = (bytes: number): number => 10 + bytes / 1e6;

/** A thread of its own for a file: a damaged one may keep the decoder busy for ever, fill the memory or throw where nobody catches it. */
class Decoder {
  readonly #name: string;
  readonly #size: number;
  readonly #worker: Worker;

  constructor(name: string, bytes: Uint8Array) {
    this.#name = name;
    this.#size = bytes.length;
    this.#worker = startWorker("data/table/parquet-worker", { workerData: bytes });
  }

  rows(request: ParquetRequest): Promise<ParquetColumns> {
    const worker = this.#worker;
    return new Promise((resolve, reject) => {
      const seconds = secondsFor(this.#size);
      const settle = (): void => {
        clearTimeout(watch);
        worker.off("error", onError).off("exit", onExit).off("message", onMessage);
      };
      const fail = (why: string): void => {
        settle();
        reject(damaged(this.#name, why));
      };
      const watch = setTimeout(
        () => fail(`decoding it took more than ${Math.round(seconds)} s`),
        1000 * seconds,
      );
      const onError = (error: Error): void => fail(error.message);
      const onExit = (code: number): void => fail(`decoding it ended with code ${code}`);
      const onMessage = (reply: ParquetReply): void => {
        settle();
        if ("problem" in reply) reject(damaged(this.#name, reply.problem));
        else resolve(reply.columns);
      };
      worker.on("error", onError).on("exit", onExit).on("message", onMessage);
      worker.postMessage(request);
    });
  }

  async close(): Promise<void> {
    this.#worker.on("error", () => undefined); // of what it was doing
    await this.#worker.terminate();
  }
}

/** What the metadata says must be possible: it comes from the file. */
function checkMetadata(name: string, { num_rows, row_groups, schema }: FileMetaData, length: number): void {
  const fail = (why: string): never => {
    throw new DataError(`${name}: the Parquet metadata is damaged: ${why}.`);
  };
  let rows = 0n;
  for (const group of row_groups) {
    if (group.num_rows < 0n) fail(`a row group of ${group.num_rows} rows`);
    rows += group.num_rows;
    for (const { meta_data } of group.columns) {
      if (meta_data === undefined) continue;
      const { data_page_offset, total_compressed_size, num_values } = meta_data;
      if (data_page_offset < 0n || total_compressed_size < 0n) fail("a column that begins before the file");
      if (data_page_offset + total_compressed_size > BigInt(length) + 16n)
        fail("a column that goes on behind the file");
      if (num_values < 0n || num_values > BigInt(MOST_CELLS)) fail(`a column of ${num_values} values`);
    }
  }
  if (rows !== num_rows) fail(`${num_rows} rows in all, ${rows} in its row groups`);
  if (rows * BigInt(schema.length) > BigInt(MOST_CELLS)) {
    fail(`${rows} rows of ${schema.length} columns are more than can be held; read it by parquetChunks`);
  }
}
