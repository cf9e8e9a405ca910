/** What a Trainer trains on: data in memory, a source read by position, or the batches of a loader or stream. */
import { Dataset, type HostBatches, loader, permutation, type Source } from "../data/index.ts";
import { ConfigError, DataError } from "../util/index.ts";
import type { BatchSize } from "./batch-size.ts";
import type { FitOptions } from "./trainer-options.ts";

export type TrainingData = Dataset | Source | HostBatches;

/** The rows of a run, wherever they come from. */
export interface RowsToTrain {
  readonly memory: Dataset | null;
  /** Null for data in memory. */
  readonly batches: HostBatches | null;
  /** In an epoch. */
  readonly rows: number;
  readonly batchSize: BatchSize;
  readonly shuffle: boolean;
  readonly dropLast: boolean;
  /** What tells the order from others, where it is not shuffle alone. */
  readonly order: string | null;
  /** Of data in memory: the rows of an epoch in order. */
  rowOrder(epoch: number, batchSize: number): Int32Array;
  close(): Promise<void>;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
const isSource = (value: unknown): value is Source =>
  isObject(value) && "gather" in value && typeof value.gather === "function" && "length" in value;
export const isBatches = (value: unknown): value is HostBatches =>
  isObject(value) && "host" in value && typeof value.host === "function" && "peek" in value;

export const isTrainingData = (value: unknown): value is TrainingData => isSource(value) || isBatches(value);

/** Throws DataError for no training data, ConfigError for options that do not go with it. */
export function rowsToTrain(train: TrainingData, options: FitOptions, seed: number): RowsToTrain {
  const { sampler, dropLast = false, workers = 0, batchSize = 32 } = options;
  if (sampler !== undefined && options.shuffle !== undefined)
    throw new ConfigError("fit: sampler and shuffle both decide the order. Leave out shuffle.");
  const shuffle = sampler === undefined && (options.shuffle ?? true);
  if (isBatches(train)) return ofBatches(train, options);
  if (train instanceof Dataset || !isSource(train)) {
    checkDataset("fit: the training data", train);
    if (workers !== 0)
      throw new ConfigError("fit: workers make the rows of a rowSource; data in memory needs none.");
    return {
      memory: train,
      batches: null,
      rows: sampler?.size(train.length) ?? train.length,
      batchSize,
      shuffle,
      dropLast,
      order: sampler?.key ?? null,
      rowOrder(epoch, size) {
        if (sampler) return sampler.order(train.length, { seed, epoch, batchSize: size });
        return shuffle
          ? permutation(train.length, seed, epoch)
          : Int32Array.from({ length: train.length }, (_, row) => row);
      },
      close: async () => undefined,
    };
  }
  if (typeof batchSize !== "number") {
    throw new ConfigError(
      "fit: data that is not in memory must have batches of one size; got a size that changes. Read it into a dataset, or give a number.",
    );
  }
  const order = sampler === undefined ? { shuffle } : { sampler };
  const batches = loader(train, { batchSize, ...order, seed, dropLast, workers });
  const rows = sampler?.size(train.length) ?? train.length;
  const close = () => batches.close();
  return {
    memory: null,
    batches,
    rows,
    batchSize,
    shuffle,
    dropLast,
    order: batches.key,
    rowOrder: none,
    close,
  };
}

/** A loader or stream has decided all of it. */
function ofBatches(batches: HostBatches, options: FitOptions): RowsToTrain {
  const { batchSize, rows, key } = batches;
  for (const name of ["shuffle", "sampler", "workers", "dropLast"] as const) {
    if (options[name] === undefined) continue;
    throw new ConfigError(`fit: a loader or stream has its own ${name}. Set it there.`);
  }
  if (options.batchSize !== undefined && options.batchSize !== batchSize) {
    throw new ConfigError(
      `fit: batchSize must be that of the loader or stream, ${batchSize}, or left out; got ${String(options.batchSize)}.`,
    );
  }
  if (rows === null) {
    throw new ConfigError(
      "fit: a stream must say how many rows an epoch has; got none. Give stream(chunks, { rows }).",
    );
  }
  const close = async (): Promise<void> => undefined;
  const given = { memory: null, batches, rows, batchSize, order: key, close };
  return { ...given, shuffle: false, dropLast: false, rowOrder: none };
}

const none = (): never => {
  throw new DataError("fit: batches have an order of their own.");
};

/** Throws DataError unless it is a data set in memory with a row. */
export function checkDataset(what: string, data: unknown): asserts data is Dataset {
  if (data instanceof Dataset && data.length > 0) return;
  if (data instanceof Dataset)
    throw new DataError(`${what} must have at least one row; got an empty data set.`);
  const hint = " Read its rows into one: dataset({ x, y }).";
  const got = isBatches(data)
    ? `a loader or stream.${hint}`
    : isSource(data)
      ? `a source.${hint}`
      : `${typeof data}.`;
  throw new DataError(`${what} must be a data set in memory, made by dataset() or mnist(); got ${got}`);
}
