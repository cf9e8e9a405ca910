/** Parquet files as tables, by hyparquet. */
import type { AsyncBuffer, FileMetaData } from "hyparquet";
import { DataError, optionNames, rejectUnknown } from "../../util/index.ts";
import { Categories } from "./chunk-columns.ts";
import { type ColumnKind, checkKind } from "./infer.ts";
import { type FileSource, readBytes } from "./read-bytes.ts";
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
 * Throws DataError naming the file, and row and column of what is no plain value.
 *
 * @example const table = await readParquet("houses.parquet", { only: ["rooms", "price"] });
 */
export async function readParquet(source: FileSource, options: ParquetOptions = {}): Promise<Table> {
  const parts: Table[] = [];
  const file = await openParquet("readParquet", source, options);
  const rows = file.metadata.row_groups.reduce((sum, { num_rows }) => sum + Number(num_rows), 0);
  parts.push(await file.table(0, rows));
  return parts[0] as Table;
}

/** The tables of a file's row groups, one after the other, with categories numbered alike. Throws as `readParquet`. */
export async function* parquetChunks(
  source: FileSource,
  options: ParquetOptions = {},
): AsyncGenerator<Table> {
  const file = await openParquet("parquetChunks", source, options);
  const categories = new Categories();
  let start = 0;
  for (const { num_rows } of file.metadata.row_groups) {
    const end = start + Number(num_rows);
    const table = await file.table(start, end);
    yield new Table(table.columns.map((column) => categories.goOn(column)));
    start = end;
  }
}

interface OpenParquet {
  readonly metadata: FileMetaData;
  table(start: number, end: number): Promise<Table>;
}

async function openParquet(op: string, source: FileSource, options: ParquetOptions): Promise<OpenParquet> {
  rejectUnknown(op, options, known);
  const { only, columns = {} } = options;
  for (const [name, kind] of Object.entries(columns)) checkKind(op, name, kind);
  const { name, bytes } = await readBytes(source, "the Parquet data");
  // Loaded where it is needed: most programs read no Parquet.
  const [{ parquetMetadataAsync, parquetReadObjects }, { compressors }] = await Promise.all([
    import("hyparquet"),
    import("hyparquet-compressors"),
  ]);
  const file: AsyncBuffer = {
    byteLength: bytes.length,
    slice: (start, end) => bytes.slice(start, end).buffer as ArrayBuffer,
  };
  const metadata = await orDamaged(name, () => parquetMetadataAsync(file));
  checkMetadata(name, metadata, bytes.length);
  const names = metadata.schema
    .filter(({ num_children }) => num_children === undefined)
    .map((leaf) => leaf.name);
  const table = async (rowStart: number, rowEnd: number): Promise<Table> => {
    const rows = await orDamaged(name, () =>
      parquetReadObjects({
        file,
        metadata,
        compressors,
        rowStart,
        rowEnd,
        ...(only && { columns: [...only] }),
      }),
    );
    const fields = rows[0] === undefined ? (only ?? names) : Object.keys(rows[0]);
    return new Table(
      fields.map(
        (field): Column =>
          columnOfValues({
            name: field,
            values: rows.map((row) => row[field] as unknown),
            where: (row) => `${name}, row ${rowStart + row + 1}`,
            kind: Object.hasOwn(columns, field) ? columns[field] : undefined,
          }),
      ),
    );
  };
  return { metadata, table };
}

/** hyparquet throws errors of many kinds for a damaged file. */
async function orDamaged<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new DataError(`${name}: must be a whole Parquet file (${why}). Is it damaged, or of another kind?`);
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
