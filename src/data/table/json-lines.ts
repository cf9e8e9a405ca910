/** JSON lines: an object a line, whose fields are columns. */
import { type FileSource, readSource } from "../../files/index.ts";
import { ConfigError, DataError, optionNames, rejectUnknown, suggestion } from "../../util/index.ts";
import { Categories } from "./chunk-columns.ts";
import type { TableFile } from "./csv.ts";
import { Skipped } from "./csv-options.ts";
import { decodeText } from "./decode.ts";
import { type ColumnKind, checkKind } from "./infer.ts";
import { lines } from "./lines.ts";
import { type Column, Table } from "./table.ts";
import { columnOfValues } from "./values.ts";

export interface JsonLinesOptions {
  /** What columns are, by name, in place of what their values look like. */
  readonly columns?: Readonly<Record<string, ColumnKind>>;
  /** A line that is no JSON object is an error, or is skipped and counted; default "error". */
  readonly onBadRow?: "error" | "skip";
}

const known = optionNames<JsonLinesOptions>({ columns: true, onBadRow: true });

function check(op: string, options: JsonLinesOptions, more: readonly string[] = []): void {
  rejectUnknown(op, options, [...known, ...more]);
  const { columns = {}, onBadRow = "error" } = options;
  for (const [name, kind] of Object.entries(columns)) checkKind(op, name, kind);
  if (onBadRow !== "error" && onBadRow !== "skip") {
    throw new ConfigError(`${op}: onBadRow must be "error" or "skip"; got "${String(onBadRow)}".`);
  }
}

type Row = Readonly<Record<string, unknown>>;

/**
 * Reads a file of JSON lines: an object a line, empty lines left out. Columns are the fields of all of them, in the order in which they come
 * first; a field that a line lacks is missing there.
 *
 * Throws FileError where the file cannot be read; DataError that names file, line and column for what is wrong in it.
 *
 * @example
 * const { table } = await readJsonLines(new TextEncoder().encode('{"rooms":3}\n{"rooms":5,"town":"Oslo"}\n'));
 * table.names; // ["rooms", "town"]
 */
export async function readJsonLines(source: FileSource, options: JsonLinesOptions = {}): Promise<TableFile> {
  check("readJsonLines", options);
  const { name, bytes } = await readSource(source, "the JSON lines");
  const skipped = new Skipped();
  const rows = new JsonRows(name, options, skipped);
  for (const line of decodeText(bytes, name).split(/\r\n|\n|\r/)) rows.add(line);
  if (rows.length === 0) throw new DataError(`${name}: there must be a line with a JSON object; got none.`);
  const table = rows.table();
  for (const column of Object.keys(options.columns ?? {})) {
    if (table.names.includes(column)) continue;
    throw new ConfigError(`readJsonLines: there is no column "${column}".${suggestion(column, table.names)}`);
  }
  return { table, skipped: skipped.count, problems: skipped.problems };
}

/** Lines gathered until a table is made of them. */
class JsonRows {
  readonly #name: string;
  readonly #options: JsonLinesOptions;
  readonly #skipped: Skipped;
  #line = 0;
  #rows: Row[] = [];
  #lines: number[] = [];

  constructor(name: string, options: JsonLinesOptions, skipped: Skipped) {
    this.#name = name;
    this.#options = options;
    this.#skipped = skipped;
  }

  get length(): number {
    return this.#rows.length;
  }

  add(line: string): void {
    this.#line++;
    if (line.trim() === "") return;
    const at = `${this.#name}, line ${this.#line}`;
    let problem = "";
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value === "object" && value !== null && !Array.isArray(value)) {
        this.#rows.push(value as Row);
        this.#lines.push(this.#line);
        return;
      }
      problem = `${at}: a line must be a JSON object; got ${Array.isArray(value) ? "a list" : JSON.stringify(value)}.`;
    } catch (error) {
      problem = `${at}: a line must be a JSON object (${(error as Error).message}).`;
    }
    if (this.#options.onBadRow !== "skip") {
      throw new DataError(`${problem} Mend it, or pass onBadRow: "skip".`);
    }
    this.#skipped.add(problem);
  }

  /** Of the lines since the last, with at least the columns named; of those kinds. */
  table(names: readonly string[] = [], kinds: Readonly<Record<string, ColumnKind>> = {}): Table {
    const [rows, lines] = [this.#rows, this.#lines];
    [this.#rows, this.#lines] = [[], []];
    const all = new Set(names);
    for (const row of rows) for (const name of Object.keys(row)) all.add(name);
    const wanted: Readonly<Record<string, ColumnKind>> = { ...kinds, ...this.#options.columns };
    const columns: Column[] = [...all].map((name) =>
      columnOfValues({
        name,
        values: rows.map((row) => (Object.hasOwn(row, name) ? row[name] : null)),
        where: (row) => `${this.#name}, line ${lines[row]}`,
        kind: Object.hasOwn(wanted, name) ? wanted[name] : undefined,
      }),
    );
    return new Table(columns);
  }
}

/**
 * The same as tables of `rows` lines each (default 10,000), for files larger than memory. The first table settles the columns: later ones
 * have them all, and a new one is an error.
 * @example for await (const table of jsonLinesChunks("clicks.jsonl", { rows: 50_000 })) console.log(table.length);
 */
export function jsonLinesChunks(
  path: string,
  options: JsonLinesOptions & { readonly rows?: number } = {},
): AsyncIterable<Table> {
  check("jsonLinesChunks", options, ["rows"]);
  const { rows = 10_000 } = options;
  if (!Number.isSafeInteger(rows) || rows < 1) {
    throw new ConfigError(`jsonLinesChunks: rows must be a whole number of at least 1; got ${rows}.`);
  }
  return { [Symbol.asyncIterator]: () => tables(path, rows, options) };
}

async function* tables(path: string, most: number, options: JsonLinesOptions): AsyncGenerator<Table> {
  const pending = new JsonRows(path, options, new Skipped());
  let first: Table | null = null;
  const categories = new Categories();
  const take = (): Table => {
    const kinds = Object.fromEntries((first?.columns ?? []).map(({ name, kind }) => [name, kind]));
    const table = pending.table(first?.names, kinds);
    first ??= table;
    const added = table.names.find((name) => !first?.names.includes(name));
    if (added === undefined) return new Table(table.columns.map((column) => categories.goOn(column)));
    throw new DataError(
      `${path}: the first ${most} lines must have every column; "${added}" comes later. Read more rows at once.`,
    );
  };
  for await (const line of lines(path)) {
    pending.add(line);
    if (pending.length === most) yield take();
  }
  if (pending.length > 0) yield take();
  else if (first === null) throw new DataError(`${path}: there must be a line with a JSON object; got none.`);
}
