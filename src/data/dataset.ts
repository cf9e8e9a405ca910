/** Data that fits in memory: an input and a target per row, checked once when it is made. */
import { ConfigError, DataError, formatShape } from "../util/index.ts";
import { type ArrayLike, type HostArray, rowSize, takeRows, toHostArray } from "./host.ts";
import { permutation } from "./shuffle.ts";

/** Rows of a data set, on the host. */
export interface HostBatch {
  readonly x: HostArray;
  readonly y: HostArray;
}

/** What the randomness of an epoch's rows is a function of, with the row. */
export interface EpochSeed {
  readonly seed: number;
  readonly epoch: number;
}

/** What `loader` and `Trainer` read rows from: in-memory data, or your own (a folder of files, a database). */
export interface Source {
  readonly length: number;
  gather(rows: Int32Array, at?: EpochSeed): HostBatch | Promise<HostBatch>;
}

/** Inputs x [n, ...] and targets y [n, ...] in host memory. Make one with `dataset`. */
export class Dataset implements Source {
  readonly x: HostArray;
  readonly y: HostArray;
  readonly length: number;

  constructor(x: HostArray, y: HostArray) {
    this.x = x;
    this.y = y;
    this.length = x.shape[0] ?? 0;
  }

  /** Copies of the given rows, in the given order. */
  gather(rows: Int32Array): { x: HostArray; y: HostArray } {
    return { x: takeRows(this.x, rows), y: takeRows(this.y, rows) };
  }

  /** The rows as a data set of its own. Throws DataError for a row that does not exist or when none is named. */
  select(rows: Int32Array | readonly number[]): Dataset {
    const list = Int32Array.from(rows);
    if (list.length === 0) throw new DataError("select: at least one row must be named; got none.");
    for (const row of list) {
      if (row < 0 || row >= this.length) {
        throw new DataError(`select: rows must be in [0, ${this.length}); got ${row}.`);
      }
    }
    const { x, y } = this.gather(list);
    return new Dataset(x, y);
  }

  /** The first `count` rows (all of them when there are fewer), for a quick try. */
  head(count: number): Dataset {
    return this.select(Array.from({ length: Math.min(count, this.length) }, (_, row) => row));
  }

  toString(): string {
    const text = (array: HostArray) => `${array.dtype}${formatShape(array.shape)}`;
    return `Dataset(x ${text(this.x)}, y ${text(this.y)})`;
  }
}

export interface DatasetOptions {
  /** Inputs: nested arrays, a typed array, or `{ data, shape }`. Plain numbers become f32. */
  readonly x: ArrayLike;
  /** Targets, one per row of x. A plain one-dimensional list of whole numbers, or an integer array, becomes i32 labels. */
  readonly y: ArrayLike;
  /** Lets NaN and infinities pass; otherwise the first row that has one is an error. */
  readonly allowNonFinite?: boolean;
}

/**
 * An in-memory data set: row i of `x` belongs to row i of `y`.
 *
 * Throws DataError when a list is ragged, there is no row, the lengths differ, or a value is NaN or infinite (naming the row).
 *
 * @example
 * const data = dataset({ x: [[0, 0], [0, 1]], y: Int32Array.of(0, 1) });
 * data.length; // 2
 */
export function dataset(options: DatasetOptions): Dataset {
  const x = toHostArray(options.x, "dataset: x", false);
  const y = toHostArray(options.y, "dataset: y", true);
  if (x.shape.length === 0 || y.shape.length === 0) {
    throw new DataError("dataset: x and y must have a first axis of rows; got a single number.");
  }
  const rows = x.shape[0] as number;
  if (rows !== y.shape[0]) {
    throw new DataError(
      `dataset: x and y must have as many rows; got ${formatShape(x.shape)} and ${formatShape(y.shape)}.`,
    );
  }
  if (rows === 0) throw new DataError("dataset: there must be at least one row; got an empty data set.");
  if (!options.allowNonFinite) {
    checkFinite(x, "x");
    checkFinite(y, "y");
  }
  return new Dataset(x, y);
}

function checkFinite(array: HostArray, name: string): void {
  if (array.dtype !== "f32") return;
  const { data } = array;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (!Number.isFinite(value)) {
      const width = rowSize(array);
      throw new DataError(
        `dataset: values must be finite; ${name} row ${Math.floor(i / width)}, column ${i % width} is ${value}. Drop or impute that row, or pass allowNonFinite: true.`,
      );
    }
  }
}

/**
 * Two data sets with the rows shuffled by `seed`: the first has `round(fraction * n)` of them.
 *
 * Throws ConfigError unless 0 < fraction < 1, DataError when a part would be empty.
 *
 * @example const [train, test] = split(data, 0.8, 42);
 */
export function split(data: Dataset, fraction: number, seed: number): [Dataset, Dataset] {
  if (!(fraction > 0 && fraction < 1)) {
    throw new ConfigError(`split: fraction must be between 0 and 1; got ${fraction}.`);
  }
  const count = Math.round(fraction * data.length);
  if (count === 0 || count === data.length) {
    throw new DataError(
      `split: both parts must have a row; got ${data.length} rows at fraction ${fraction}. Use more rows or another fraction.`,
    );
  }
  const order = permutation(data.length, seed);
  return [data.select(order.subarray(0, count)), data.select(order.subarray(count))];
}
