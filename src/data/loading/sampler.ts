/** Samplers: which rows an epoch has and in what order, as pure functions of (seed, epoch), so that any epoch can be had again. */
import { permutation } from "../shuffle.ts";

/** What an epoch's order is a function of. */
export interface EpochOrder {
  readonly seed: number;
  readonly epoch: number;
  /** Rows that will be taken together; a smaller batch comes last. */
  readonly batchSize: number;
}

/** The row order of an epoch. Make one with `shuffled`, `sequential`, `weighted`, `classBalanced` or `bucketed`. */
export interface Sampler {
  /** Tells this sampler from any that gives other orders: a run within an epoch goes on only with the same. */
  readonly key: string;
  /** Rows in an epoch over `length` rows. @throws ConfigError when it was made for another number of rows. */
  size(length: number): number;
  /** As many row numbers in [0, length); rows may be repeated or left out. */
  order(length: number, at: EpochOrder): Int32Array;
}

/**
 * Every row once, in a new order each epoch (Fisher-Yates).
 * @example loader(train, { batchSize: 32, sampler: shuffled(), seed: 7 });
 */
export const shuffled = (): Sampler => ({
  key: "shuffled",
  size: (length) => length,
  order: (length, { seed, epoch }) => permutation(length, seed, epoch),
});

/**
 * Every row once, in the order of the data.
 * @example loader(test, { batchSize: 32, sampler: sequential() });
 */
export const sequential = (): Sampler => ({
  key: "sequential",
  size: (length) => length,
  order: (length) => Int32Array.from({ length }, (_, row) => row),
});
