/** Streams: batches from chunks of rows that come one after the other, for data larger than memory that cannot be read by position. */
import { ConfigError, DataError, rejectUnknown } from "../../util/index.ts";
import { Dataset, type HostBatch } from "../dataset.ts";
import { type HostArray, rowSize, takeRows } from "../host.ts";
import { generator, shuffledRange } from "../shuffle.ts";
import { type Batch, Epochs, type HostBatches } from "./batches.ts";
import { whole } from "./checks.ts";
import { beginning, type Cursor, checkCursor } from "./cursor.ts";

/** Rows that came together: x and y have as many, of the same kind as all others. One row is a chunk of one. */
export type Chunk = HostBatch;

/** Chunks from a single sequence, opened anew for each epoch. */
export type ChunkSequence = (epoch: number) => AsyncIterable<Chunk> | Iterable<Chunk>;

/** Chunks that can be asked for by number, such as files: their order is shuffled too. */
export interface ChunkShards {
  /** How many there are. */
  readonly length: number;
  open(shard: number): AsyncIterable<Chunk> | Iterable<Chunk>;
}

export interface StreamOptions {
  readonly batchSize: number;
  /**
   * Rows among which the next one is drawn (and, of shards, a new order of them each epoch); default 0: the order they come in. A
   * buffer much smaller than a shard mixes rows only with their neighbours.
   */
  readonly shuffleBuffer?: number;
  readonly seed?: number;
  /** Leaves out the last batch when it is smaller than the others; default false. */
  readonly dropLast?: boolean;
  /** Rows in an epoch, where they are known: what a Trainer needs. An epoch with another number of rows is an error then. */
  readonly rows?: number;
  /** Goes on from where a stream with the same options was: what comes before is read and left aside. */
  readonly from?: Cursor;
  readonly device?: string;
}

export interface Stream extends AsyncIterable<Batch>, HostBatches {
  /** The batches of one epoch; each `for await` over the stream itself goes on to the next epoch, from 0 (or `from`). */
  epoch(index: number): AsyncIterable<Batch>;
  /** Where the last `for await` over the stream is, the batch its body has as done. */
  state(): Cursor;
}

const bufferStream = 0x62756666;
const shardStream = 0x73686172;

/**
 * Batches `{ x, y, size }` as `loader` gives them, from async iterables of chunks of rows. Each epoch opens them anew; with a shuffle
 * buffer the order is a function of (seed, epoch). Going on within an epoch reads from its beginning, so that a `Source`, which is read by
 * position, is the better way wherever the length is known: it shuffles fully, resumes at once and has workers.
 *
 * @throws ConfigError for options that are unknown or wrong; in the loop, DataError where chunks differ in kind, an epoch has no
 * batch, or its rows are not as many as `rows` says
 * @example
 * const shards = { length: 8, open: (i) => readShard(`part-${i}.bin`) };
 * for await (const { x, y } of stream(shards, { batchSize: 32, shuffleBuffer: 4096, seed: 0 })) {
 *   [state] = step(state, x, y);
 * }
 */
export function stream(chunks: ChunkSequence | ChunkShards, options: StreamOptions): Stream {
  rejectUnknown("stream", options, known);
  const { shuffleBuffer = 0, seed = 0, dropLast = false, rows } = options;
  if (typeof chunks !== "function" && typeof chunks?.open !== "function") {
    throw new ConfigError(
      `stream: chunks must be a function that gives an iterable, or { length, open }; got ${typeof chunks}.`,
    );
  }
  const batchSize = whole("stream", "batchSize", options.batchSize, 1);
  whole("stream", "shuffleBuffer", shuffleBuffer, 0);
  whole("stream", "seed", seed, 0);
  if (rows !== undefined) whole("stream", "rows", rows, 1);
  const shards = typeof chunks === "function" ? null : whole("stream", "length", chunks.length, 1);
  const batches =
    rows === undefined ? null : dropLast ? Math.floor(rows / batchSize) : Math.ceil(rows / batchSize);

  async function* host(epoch: number, from = 0): AsyncGenerator<HostBatch> {
    const input =
      typeof chunks === "function"
        ? rowsOf(chunks(epoch))
        : rowsOfShards(chunks, seed, epoch, shuffleBuffer > 0);
    const next = generator(seed, epoch, bufferStream);
    let batch: Dataset[] = [];
    let [seen, given] = [0, 0];
    for await (const row of shuffleBuffer > 0 ? mixed(input, shuffleBuffer, next) : input) {
      seen++;
      if (rows !== undefined && seen > rows) throw wrongRows(rows, `more (epoch ${epoch + 1})`);
      batch.push(row);
      if (batch.length < batchSize) continue;
      if (given++ >= from) yield joined(batch);
      batch = [];
    }
    if (rows !== undefined && seen < rows) throw wrongRows(rows, `${seen} (epoch ${epoch + 1})`);
    if (batch.length > 0 && !dropLast && given++ >= from) yield joined(batch);
    if (given === 0)
      throw new DataError(`stream: an epoch must have a batch; epoch ${epoch + 1} has ${seen} rows.`);
  }

  const from = options.from === undefined ? beginning : checkCursor("stream", options.from, batches);
  const epochs = new Epochs(host, batches, from, options.device);
  return {
    batchSize,
    rows: rows === undefined ? null : dropLast ? Math.floor(rows / batchSize) * batchSize : rows,
    key: JSON.stringify({
      seed,
      order: `stream(${shards ?? "sequence"}, ${shuffleBuffer})`,
      batchSize,
      dropLast,
    }),
    host,
    async peek(epoch) {
      for await (const batch of host(epoch)) return batch;
      throw new DataError("stream: an epoch must have a batch; it has none.");
    },
    epoch: (index) => epochs.epoch(index),
    state: () => epochs.state,
    [Symbol.asyncIterator]: () => epochs.next(),
  };
}

const known: (keyof StreamOptions)[] = [
  ...(["batchSize", "shuffleBuffer", "seed", "dropLast", "rows", "from", "device"] as const),
];

const wrongRows = (rows: number, got: string): DataError =>
  new DataError(`stream: an epoch must have the ${rows} rows that { rows } says; got ${got}.`);

/** Single rows, as views where a chunk has several: copied when their batch is made. */
async function* rowsOf(chunks: AsyncIterable<Chunk> | Iterable<Chunk>): AsyncGenerator<Dataset> {
  let index = 0;
  for await (const { x, y } of chunks) {
    const count = x?.shape?.[0];
    if (count === undefined || y?.shape?.[0] !== count) {
      throw new DataError(
        `stream: chunks must be { x, y } with a row axis of equal length; chunk ${index} has ${x?.shape} and ${y?.shape}.`,
      );
    }
    for (let row = 0; row < count; row++) yield new Dataset(rowOf(x, row), rowOf(y, row));
    index++;
  }
}

const rowOf = (array: HostArray, row: number): HostArray => takeRows(array, Int32Array.of(row));

async function* rowsOfShards(
  { length, open }: ChunkShards,
  seed: number,
  epoch: number,
  shuffle: boolean,
): AsyncGenerator<Dataset> {
  const order = shuffle
    ? shuffledRange(length, generator(seed, epoch, shardStream))
    : Int32Array.from({ length }, (_, shard) => shard);
  for (const shard of order) yield* rowsOf(open(shard));
}

/** Keeps `size` items and gives one of them at random for each that comes; then the rest in random order. */
async function* mixed<T>(items: AsyncIterable<T>, size: number, next: () => number): AsyncGenerator<T> {
  const kept: T[] = [];
  const pick = (): number => Math.floor((next() / 0x100000000) * kept.length);
  for await (const item of items) {
    if (kept.length < size) {
      kept.push(item);
      continue;
    }
    const at = pick();
    const out = kept[at] as T;
    kept[at] = item;
    yield out;
  }
  while (kept.length > 0) {
    const at = pick();
    const [last, out] = [kept.pop() as T, kept[at] as T];
    if (at < kept.length) {
      kept[at] = last;
      yield out;
    } else yield last;
  }
}

function joined(rows: readonly HostBatch[]): HostBatch {
  return {
    x: concatenated(
      rows.map(({ x }) => x),
      "x",
    ),
    y: concatenated(
      rows.map(({ y }) => y),
      "y",
    ),
  };
}

function concatenated(rows: readonly HostArray[], name: string): HostArray {
  const [first] = rows as [HostArray];
  const width = rowSize(first);
  const shape = [rows.length, ...first.shape.slice(1)];
  const { dtype } = first;
  const array: HostArray =
    dtype === "f32"
      ? { dtype, shape, data: new Float32Array(rows.length * width) }
      : { dtype, shape, data: new Int32Array(rows.length * width) };
  for (const [i, row] of rows.entries()) {
    if (row.dtype !== dtype || String(row.shape) !== String(first.shape)) {
      throw new DataError(
        `stream: rows of a batch must be of one kind; ${name} has ${dtype}[${first.shape.slice(1)}] and ${row.dtype}[${row.shape.slice(1)}].`,
      );
    }
    array.data.set(row.data, i * width);
  }
  return array;
}
