/** compare: races optimizers, learning rates and batch sizes against each other under a budget of time. */
import { type Metric, meanLoss } from "../../metrics/index.ts";
import type { Optimizer } from "../../optim/index.ts";
import { ConfigError } from "../../util/index.ts";
import { checkFit } from "../check.ts";
import { rejectUnknown, wholeNumber } from "../options.ts";
import { checkDataset } from "../training-data.ts";
import { type Lane, LocalLane } from "./lane.ts";
import { race } from "./race.ts";
import type { CompareParts } from "./racer.ts";
import type { CompareResult, Setting, Trial } from "./result.ts";

export interface RaceLimits {
  /** Seconds for all of it, about. Default 60. */
  readonly budget?: number;
  /**
   * Steps of the first round, in place of a budget: each later round goes `reduction` times as far, the finals as far as the last
   * round. Then the race is the same, number by number, on every machine. With several batch sizes, steps of the smallest.
   */
  readonly steps?: number;
  /** No trial trains for longer. Default: no limit but the budget. */
  readonly epochs?: number;
  /** Runs of each finalist; default 3. */
  readonly seeds?: number;
  /** Of initial values and the order of the rows in the rounds; the finals take those after it. Default 0. */
  readonly seed?: number;
  /** Of each round one in so many goes on; default 3. */
  readonly reduction?: number;
  /** The loss whose reaching is timed; default: where the second finalist ended. */
  readonly target?: number;
  /** Aborting it ends the race with what is known. */
  readonly signal?: AbortSignal;
  readonly onTrial?: (trial: Trial, round: number, rounds: number) => void;
}

export interface CompareOptions extends RaceLimits {
  /** By name, each of a learning rate. */
  readonly optimizers: Readonly<Record<string, (learningRate: number) => Optimizer>>;
  /** For all, or by optimizer. */
  readonly learningRates: readonly number[] | Readonly<Record<string, readonly number[]>>;
  /** Default [32]. */
  readonly batchSizes?: readonly number[];
}

/**
 * Successive halving over every optimizer with each of its learning rates and batch sizes: all train on equally many rows (so with one
 * batch size for equally many steps), the best third goes on for longer, and so on until few are left; then the two best train anew
 * with several seeds. How many rows a round takes follows from the pace of all, measured before it, and the budget. A setting whose
 * loss becomes infinite, or that throws, is out. One trial trains at a time, on all threads: `nabla compare` runs several at once, in
 * processes of their own, to the same results.
 *
 * Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", 2016.
 * @throws ConfigError for options out of range, and when no setting can be trained; DataError and ShapeError as `fit`.
 * @example
 * const { winner, insideNoise } = await compare(
 *   { model, loss: crossEntropy, train, validation },
 *   { optimizers: { sgd: (rate) => sgd(rate, { momentum: 0.9 }), adam }, learningRates: [1e-3, 1e-2, 1e-1], budget: 60 },
 * );
 */
export async function compare(parts: CompareParts, options: CompareOptions): Promise<CompareResult> {
  const { optimizers, learningRates, batchSizes, ...limits } = options;
  rejectUnknown("compare", limits, limitNames);
  const settings = settingsOf(options);
  await checkParts(parts, settings);
  const makeOf = optimizers as Readonly<Record<string, (rate: number) => Optimizer>>;
  const lane = new LocalLane(parts, ({ optimizer, learningRate }) =>
    (makeOf[optimizer] as (rate: number) => Optimizer)(learningRate),
  );
  return compareOn([lane], settings, parts.train.length, limits);
}

const limitNames = ["budget", "steps", "epochs", "seeds", "seed", "reduction", "target", "signal", "onTrial"];

/** The same on lanes given, for settings and data that were checked. Closes the lanes. */
export async function compareOn(
  lanes: readonly Lane[],
  settings: readonly Setting[],
  rows: number,
  limits: RaceLimits,
): Promise<CompareResult> {
  const { budget = 60, steps, epochs, seeds = 3, seed = 0, reduction = 3, target, signal, onTrial } = limits;
  try {
    wholeNumber("compare", "seeds", seeds, 1);
    wholeNumber("compare", "seed", seed, 0);
    wholeNumber("compare", "reduction", reduction, 2);
    if (steps !== undefined) wholeNumber("compare", "steps", steps, 1);
    if (epochs !== undefined) wholeNumber("compare", "epochs", epochs, 1);
    if (!(budget > 0)) throw new ConfigError(`compare: budget must be above 0 seconds; got ${budget}.`);
    if (target !== undefined && !Number.isFinite(target)) {
      throw new ConfigError(`compare: target must be a finite loss; got ${target}.`);
    }
    const most = epochs ?? Number.POSITIVE_INFINITY;
    return await race(lanes, {
      settings,
      rows,
      budget,
      steps,
      epochs: most,
      seeds,
      seed,
      reduction,
      target,
      signal,
      onTrial,
    });
  } finally {
    await Promise.all(lanes.map((lane) => lane.close()));
  }
}

/** Throws as `fit` does before its first step. */
export async function checkParts(parts: CompareParts, settings: readonly Setting[]): Promise<void> {
  const { loss, train, validation } = parts;
  checkDataset("compare: the training data", train);
  if (validation) checkDataset("compare: the validation data", validation);
  const checked = {
    model: parts.model().init(0),
    loss,
    metrics: [meanLoss() as Metric],
    matmulPrecision: "f32" as const,
  };
  for (const size of new Set(settings.map(({ batchSize }) => batchSize))) {
    await checkFit({ ...checked, augment: parts.augment }, train, size, "the training data");
  }
  if (validation) await checkFit(checked, validation, validation.length, "the validation data");
}

/** Every combination. Throws ConfigError. */
export function settingsOf({
  optimizers,
  learningRates,
  batchSizes = [32],
}: {
  readonly optimizers: Readonly<Record<string, unknown>>;
  readonly learningRates: CompareOptions["learningRates"];
  readonly batchSizes?: readonly number[];
}): Setting[] {
  const names = Object.keys(optimizers);
  if (names.length === 0) throw new ConfigError("compare: there must be an optimizer to race; got none.");
  const ratesOf = (name: string) => (isList(learningRates) ? learningRates : learningRates[name]);
  const settings = names.flatMap((optimizer) => {
    const rates = ratesOf(optimizer);
    if (rates === undefined || rates.length === 0) {
      throw new ConfigError(`compare: "${optimizer}" must have a learning rate; got none.`);
    }
    for (const rate of rates) {
      if (rate > 0 && Number.isFinite(rate)) continue;
      throw new ConfigError(`compare: learning rates must be above 0; got ${rate} for "${optimizer}".`);
    }
    return rates.flatMap((learningRate) =>
      batchSizes.map((batchSize) => ({ optimizer, learningRate, batchSize })),
    );
  });
  for (const size of batchSizes) wholeNumber("compare", "batchSize", size, 1);
  if (settings.length === 0) throw new ConfigError("compare: there must be a batch size; got none.");
  return settings;
}

const isList = (rates: CompareOptions["learningRates"]): rates is readonly number[] => Array.isArray(rates);
