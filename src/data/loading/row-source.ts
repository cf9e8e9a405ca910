/** rowSource: rows by number from a function in a module file, for the loader's workers. */
import { ConfigError, rejectUnknown } from "../../util/index.ts";
import type { EpochSeed, HostBatch, Source } from "../dataset.ts";
import type { HostArray } from "../host.ts";
import { whole } from "./checks.ts";
import {
  layoutOf,
  openRows,
  type RowLayout,
  type RowMaker,
  type RowModule,
  sizeOfLayout,
  writeRow,
} from "./row-module.ts";

export interface RowSourceOptions {
  /** The file, as in `new URL("./rows.ts", import.meta.url)`: TypeScript or JavaScript, an ES module. */
  readonly module: URL;
  /** Its export, a function of `options` that gives the row function; default "default". */
  readonly export?: string;
  /** Sent to each worker by structured clone: paths, sizes and other plain data. */
  readonly options?: unknown;
  /** Rows there are. */
  readonly length: number;
}

/** Makes its rows by a function of a module, in this thread or (through `loader`) in workers. */
export class RowSource implements Source {
  readonly length: number;
  readonly module: RowModule;
  #maker: Promise<RowMaker> | null = null;
  #layout: { x: RowLayout; y: RowLayout } | null = null;

  constructor(module: RowModule, length: number) {
    this.module = module;
    this.length = length;
  }

  async gather(rows: Int32Array, at: EpochSeed = { seed: 0, epoch: 0 }): Promise<HostBatch> {
    this.#maker ??= openRows(this.module);
    const make = await this.#maker;
    const first = await make(rows[0] as number, at);
    this.#layout ??= { x: layoutOf(first.x), y: layoutOf(first.y) };
    const batch = emptyBatch(this.#layout, rows.length);
    for (const [i, row] of rows.entries()) {
      const { x, y } = i === 0 ? first : await make(row, at);
      writeRow(x, this.#layout.x, batch.x.data, i * sizeOfLayout(this.#layout.x), `row ${row}: x`);
      writeRow(y, this.#layout.y, batch.y.data, i * sizeOfLayout(this.#layout.y), `row ${row}: y`);
    }
    return batch;
  }
}

/** Room for `rows` rows, in memory of its own or in a buffer that x and y share. */
export function emptyBatch(
  layout: { x: RowLayout; y: RowLayout },
  rows: number,
  shared?: SharedArrayBuffer,
): HostBatch {
  const room = ({ dtype, shape }: RowLayout, offset: number): HostArray => {
    const size = rows * sizeOfLayout({ dtype, shape });
    const full = [rows, ...shape];
    const place = shared ?? new ArrayBuffer(4 * size);
    const at = shared ? offset : 0;
    if (dtype === "f32") return { dtype, shape: full, data: new Float32Array(place, at, size) };
    return { dtype, shape: full, data: new Int32Array(place, at, size) };
  };
  return { x: room(layout.x, 0), y: room(layout.y, 4 * rows * sizeOfLayout(layout.x)) };
}

/**
 * A source whose rows are made one by one by a function in a module file: `loader(rowSource(...), { workers: 4 })` runs it in threads.
 * The export is called once a thread with `options` and gives `(row, at) => ({ x, y })`; what is random in a row must come from
 * `at.random()`, and then it is the same whoever makes the row. All rows have the shapes and dtypes of the first that is made.
 *
 * @throws ConfigError unless module is a file's URL and length a whole number of at least 1
 * @example
 * // rows.ts: export default ({ folder }) => async (row, at) => ({ x: await pixels(folder, row), y: label(row) });
 * const source = rowSource({ module: new URL("./rows.ts", import.meta.url), options: { folder }, length: 60000 });
 */
export function rowSource(options: RowSourceOptions): RowSource {
  rejectUnknown("rowSource", options, ["module", "export", "options", "length"]);
  const { module, export: name = "default" } = options;
  if (!(module instanceof URL) || module.protocol !== "file:") {
    throw new ConfigError(
      `rowSource: module must be the URL of a file; got ${String(module)}. Give new URL("./rows.ts", import.meta.url).`,
    );
  }
  const length = whole("rowSource", "length", options.length, 1);
  return new RowSource({ href: module.href, name, options: options.options }, length);
}
