/** Batches of tensors for loops written by hand: seeded shuffle, last partial batch, prefetch. */
import { fromBytes, fromChunks, type Tensor } from "../engine/tensor/index.ts";
import { ConfigError, DataError } from "../util/index.ts";
import { ByteArray } from "./byte-array.ts";
import type { HostBatch, Source } from "./dataset.ts";
import type { HostArray } from "./host.ts";
import { permutation } from "./shuffle.ts";

export interface LoaderOptions {
  readonly batchSize: number;
  /** A new order each epoch, by (seed, epoch); default false: the order of the data. */
  readonly shuffle?: boolean;
  readonly seed?: number;
  /** Leaves out the last batch when it is smaller than the others; default false. */
  readonly dropLast?: boolean;
  /** Batches prepared ahead while the loop awaits something; default 1. */
  readonly prefetch?: number;
  readonly device?: string;
}

export interface Batch {
  readonly x: Tensor;
  readonly y: Tensor;
  /** Rows in this batch. */
  readonly size: number;
}

export interface Loader extends AsyncIterable<Batch> {
  /** Batches in an epoch. */
  readonly length: number;
  /** The batches of one epoch; each `for await` over the loader itself goes on to the next epoch, from 0. */
  epoch(index: number): AsyncIterable<Batch>;
}

/** The rows of each batch of an epoch. */
export function batchRows(
  length: number,
  options: Pick<LoaderOptions, "batchSize" | "shuffle" | "seed" | "dropLast">,
  epoch: number,
): Int32Array[] {
  const { batchSize, shuffle = false, seed = 0, dropLast = false } = options;
  const order = shuffle ? permutation(length, seed, epoch) : Int32Array.from({ length }, (_, row) => row);
  const rows: Int32Array[] = [];
  for (let start = 0; start < length; start += batchSize) {
    if (dropLast && start + batchSize > length) break;
    rows.push(order.subarray(start, Math.min(start + batchSize, length)));
  }
  return rows;
}

/**
 * Batches `{ x, y, size }` of tensors from a data set or any `Source`.
 *
 * Throws ConfigError for a batch size or prefetch that is not a whole number of at least 1 (0 for prefetch),
 * DataError when there is no row, or no batch because `dropLast` leaves none.
 *
 * @example
 * for await (const { x, y } of loader(train, { batchSize: 32, shuffle: true, seed: 0 })) {
 *   [state] = step(state, x, y);
 * }
 */
export function loader(source: Source, options: LoaderOptions): Loader {
  const { batchSize, dropLast = false, prefetch = 1 } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new ConfigError(`loader: batchSize must be a whole number of at least 1; got ${batchSize}.`);
  }
  if (!Number.isInteger(prefetch) || prefetch < 0) {
    throw new ConfigError(`loader: prefetch must be a whole number of at least 0; got ${prefetch}.`);
  }
  if (source.length === 0)
    throw new DataError("loader: there must be at least one row; got an empty data set.");
  if (dropLast && source.length < batchSize) {
    throw new DataError(
      `loader: with dropLast there must be a whole batch; got ${source.length} rows and batchSize ${batchSize}.`,
    );
  }
  const length = dropLast ? Math.floor(source.length / batchSize) : Math.ceil(source.length / batchSize);
  let nextEpoch = 0;
  const epoch = (index: number): AsyncIterable<Batch> => ({
    [Symbol.asyncIterator]: () =>
      batches(source, batchRows(source.length, options, index), prefetch, options.device),
  });
  return { length, epoch, [Symbol.asyncIterator]: () => epoch(nextEpoch++)[Symbol.asyncIterator]() };
}

async function* batches(
  source: Source,
  rows: readonly Int32Array[],
  prefetch: number,
  device: string | undefined,
): AsyncGenerator<Batch> {
  const ready: Promise<HostBatch>[] = [];
  let asked = 0;
  const ask = (): void => {
    const batch = rows[asked++];
    if (!batch) return;
    // Later in the event loop: the gather runs while the caller awaits its step, and not before it starts.
    const promise = new Promise<void>((done) => setImmediate(done)).then(() => source.gather(batch));
    promise.catch(() => undefined); // reported where it is awaited; a loop left early never awaits it
    ready.push(promise);
  };
  for (const batch of rows) {
    while (ready.length < prefetch && asked < rows.length) ask();
    const host = prefetch === 0 ? await source.gather(batch) : await (ready.shift() as Promise<HostBatch>);
    if (prefetch > 0) ask();
    yield { x: toTensor(host.x, device), y: toTensor(host.y, device), size: batch.length };
  }
}

/** A tensor with a host array's values and shape. */
export function toTensor(array: HostArray, device?: string): Tensor {
  if (array instanceof ByteArray) {
    return fromChunks(array.shape, (start, into) => array.read(start, into), device);
  }
  const { buffer, byteOffset, byteLength } = array.data;
  return fromBytes(new Uint8Array(buffer, byteOffset, byteLength), array.dtype, array.shape, device);
}
