/** Batches of tensors for loops written by hand: seeded orders, last partial batch, prefetch, worker threads, resumption. */
import { ConfigError, DataError, rejectUnknown } from "../util/index.ts";
import type { EpochSeed, HostBatch, Source } from "./dataset.ts";
import { ahead, type Batch, Epochs, type HostBatches } from "./loading/batches.ts";
import { whole } from "./loading/checks.ts";
import { beginning, type Cursor, checkCursor } from "./loading/cursor.ts";
import { WorkerPool } from "./loading/pool.ts";
import { RowSource } from "./loading/row-source.ts";
import { type Sampler, sequential, shuffled } from "./loading/sampler.ts";

export type { Batch } from "./loading/batches.ts";

export interface LoaderOptions {
  readonly batchSize: number;
  /** A new order each epoch, by (seed, epoch); default false: the order of the data. */
  readonly shuffle?: boolean;
  /** Which rows an epoch has, in what order, in place of `shuffle`. */
  readonly sampler?: Sampler;
  readonly seed?: number;
  /** Leaves out the last batch when it is smaller than the others; default false. */
  readonly dropLast?: boolean;
  /** Batches prepared ahead while the loop awaits something; default 1, with workers two a worker. */
  readonly prefetch?: number;
  /** Threads that make the rows of a `rowSource`; default 0: they are made in this one. */
  readonly workers?: number;
  /** Seconds after which a worker that has finished no row is given up; default 60. */
  readonly timeout?: number;
  /** Goes on from where a loader with the same options was: its `state()`. */
  readonly from?: Cursor;
  readonly device?: string;
}

export interface Loader extends AsyncIterable<Batch>, HostBatches {
  /** Batches in an epoch. */
  readonly length: number;
  readonly rows: number;
  /** The batches of one epoch; each `for await` over the loader itself goes on to the next epoch, from 0 (or `from`). */
  epoch(index: number): AsyncIterable<Batch>;
  /** Where the last `for await` over the loader is, the batch its body has counted as done. */
  state(): Cursor;
  /** Ends workers that wait for another epoch. They do not keep a process alive, and a loop that is left early ends its own. */
  close(): Promise<void>;
}

/** The rows of each batch of an epoch. */
export function batchRows(
  length: number,
  options: Pick<LoaderOptions, "batchSize" | "shuffle" | "sampler" | "seed" | "dropLast">,
  epoch: number,
): Int32Array[] {
  const { batchSize, seed = 0, dropLast = false } = options;
  const order = samplerOf(options).order(length, { seed, epoch, batchSize });
  const rows: Int32Array[] = [];
  for (let start = 0; start < order.length; start += batchSize) {
    if (dropLast && start + batchSize > order.length) break;
    rows.push(order.subarray(start, Math.min(start + batchSize, order.length)));
  }
  return rows;
}

const samplerOf = ({ sampler, shuffle = false }: Pick<LoaderOptions, "sampler" | "shuffle">): Sampler =>
  sampler ?? (shuffle ? shuffled() : sequential());

/**
 * Batches `{ x, y, size }` of tensors from a data set or any `Source`: the same bytes for equal seeds, whatever the number of workers and
 * wherever it goes on from.
 *
 * @throws ConfigError for options that are unknown or wrong: batchSize, workers and the like must be whole numbers, workers need a `rowSource`
 * @throws DataError when there is no row, or no batch because `dropLast` leaves none; in the loop, with the row, where one cannot be made
 * @example
 * for await (const { x, y } of loader(train, { batchSize: 32, shuffle: true, seed: 0 })) {
 *   [state] = step(state, x, y);
 * }
 */
export function loader(source: Source, options: LoaderOptions): Loader {
  rejectUnknown("loader", options, known);
  const { dropLast = false, workers = 0, prefetch = Math.max(1, 2 * workers) } = options;
  const { seed = 0, timeout = 60, sampler, shuffle } = options;
  const batchSize = whole("loader", "batchSize", options.batchSize, 1);
  whole("loader", "prefetch", prefetch, 0);
  whole("loader", "workers", workers, 0);
  whole("loader", "seed", seed, 0);
  if (!(timeout > 0)) throw new ConfigError(`loader: timeout must be seconds above 0; got ${timeout}.`);
  if (sampler !== undefined && shuffle !== undefined)
    throw new ConfigError("loader: sampler and shuffle both decide the order. Leave out shuffle.");
  if (workers > 0 && !(source instanceof RowSource)) {
    throw new ConfigError(
      "loader: workers make rows by a function of a module file; got another source. Make it with rowSource({ module }), or leave out workers.",
    );
  }
  if (source.length === 0)
    throw new DataError("loader: there must be at least one row; got an empty data set.");
  const order = samplerOf(options);
  const all = order.size(source.length);
  if (dropLast && all < batchSize) {
    throw new DataError(
      `loader: with dropLast there must be a whole batch; got ${all} rows and batchSize ${batchSize}.`,
    );
  }
  const length = dropLast ? Math.floor(all / batchSize) : Math.ceil(all / batchSize);
  const pools = new Pools(() => new WorkerPool((source as RowSource).module, workers, batchSize, timeout));

  async function* host(epoch: number, from = 0): AsyncGenerator<HostBatch> {
    const at: EpochSeed = { seed, epoch };
    const rows = batchRows(source.length, options, epoch).slice(from);
    if (workers === 0) return yield* ahead(rows, prefetch, (batch) => source.gather(batch, at));
    yield* pools.during((pool) => ahead(rows, Math.max(1, prefetch), (batch) => pool.gather(batch, at)));
  }

  const from = options.from === undefined ? beginning : checkCursor("loader", options.from, length);
  const epochs = new Epochs(host, length, from, options.device);
  return {
    length,
    batchSize,
    rows: Math.min(all, length * batchSize),
    key: JSON.stringify({ seed, order: order.key, batchSize, dropLast, rows: source.length }),
    host,
    peek: async (epoch) =>
      source.gather(batchRows(source.length, options, epoch)[0] as Int32Array, { seed, epoch }),
    epoch: (index) => epochs.epoch(index),
    state: () => epochs.state,
    close: () => pools.close(),
    [Symbol.asyncIterator]: () => epochs.next(),
  };
}

const known: (keyof LoaderOptions)[] = [
  ...(["batchSize", "shuffle", "sampler", "seed", "dropLast", "prefetch", "workers", "timeout"] as const),
  ...(["from", "device"] as const),
];

/** Pools of workers: one that has finished its epoch waits for another, one whose loop was left or has failed ends. */
class Pools {
  readonly #make: () => WorkerPool;
  #idle: WorkerPool | null = null;

  constructor(make: () => WorkerPool) {
    this.#make = make;
  }

  async *during(use: (pool: WorkerPool) => AsyncGenerator<HostBatch>): AsyncGenerator<HostBatch> {
    const pool = this.#idle ?? this.#make();
    this.#idle = null;
    pool.hold(true);
    let whole = false;
    try {
      yield* use(pool);
      whole = true;
    } finally {
      if (whole && this.#idle === null) {
        this.#idle = pool;
        pool.hold(false);
      } else await pool.end();
    }
  }

  async close(): Promise<void> {
    const idle = this.#idle;
    this.#idle = null;
    await idle?.end();
  }
}
