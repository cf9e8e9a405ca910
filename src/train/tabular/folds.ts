/** Cross-validation: what is trained on each fold and measured on the rows it holds back. */
import {
  type Dataset,
  kFold,
  type SplitOptions,
  type Table,
  type TabularData,
  tabularData,
  trainTestSplit,
  withTarget,
} from "../../data/index.ts";
import { crossEntropy, mse } from "../../nn/index.ts";
import { adamW, warmupCosine } from "../../optim/index.ts";
import { ConfigError, InternalError } from "../../util/index.ts";
import { earlyStopping } from "../early-stopping.ts";
import type { Scores } from "../events.ts";
import { type Experiment, experimentData, experimentModel, inMemory } from "../experiment.ts";
import { Trainer } from "../trainer.ts";
import { stepOf } from "./columns.ts";
import { type DecideOptions, type Decisions, decide, networkOf, taskKind } from "./decide.ts";
import { patience, warmupOf, weightDecay } from "./experiment-source.ts";

/** One fold: an experiment whose data.validation, where it has one, is taken out of the rows to train on. */
export interface FoldJob {
  readonly experiment: Experiment;
  readonly train: Dataset;
  readonly validation: Dataset | null;
  readonly test: Dataset;
}

/** Classes keep their mix in every fold. */
const mixOf = ({ y }: Dataset): SplitOptions =>
  y.dtype === "i32" && y.shape.length === 1 ? { stratify: "y" } : {};

/**
 * Folds of an experiment's training data. Where it has callbacks, which may stop it by validation scores, a tenth of the rows to train on
 * is for validation, so that the fold held back is measured once, at the end.
 * Throws ConfigError where the model is one object and no function: each fold starts anew.
 */
export async function experimentFolds(experiment: Experiment, folds: number): Promise<FoldJob[]> {
  if (typeof experiment.model !== "function") {
    throw new ConfigError(
      "folds: the experiment's model must be a function that makes one, for each fold anew.",
    );
  }
  const train = inMemory("folds", (await experimentData(experiment)).train);
  const { seed = 0, callbacks = [] } = experiment;
  return kFold(train, { folds, seed, ...mixOf(train) }).map((fold) => {
    if (callbacks.length === 0)
      return { experiment, train: fold.train.data, validation: null, test: fold.test };
    const inner = trainTestSplit(fold.train.data, { test: 0.1, seed, ...mixOf(train) });
    return { experiment, train: inner.train.data, validation: inner.test, test: fold.test };
  });
}

/** Folds of a table: decisions, steps and network are made anew for each, from the rows it trains on. */
export function tableFolds(table: Table, options: DecideOptions, folds: number): FoldJob[] {
  const { target, seed = 0 } = options;
  const { task } = decide(table, options);
  const known = withTarget(table, target);
  return kFold(known, { folds, seed, stratify: target }).map((fold) => {
    const decided = decide(fold.train.data, { ...options, task });
    const inner = trainTestSplit(fold.train.data, { test: 0.15, seed, stratify: target });
    const steps = decided.columns.recipes.map(stepOf);
    const parts = { train: inner.train, validation: inner.test, test: fold.test };
    return jobOf(decided, tabularData(parts, { target, task: taskKind(task), steps }));
  });
}

/** What `nabla train` runs for a table, without the file: the decisions' own parts. */
export function tableJob(table: Table, options: DecideOptions): FoldJob {
  const decided = decide(table, options);
  return jobOf(decided, decided.data);
}

/** The same as `experimentSource` writes, for this data. */
function jobOf(decided: Decisions, data: TabularData): FoldJob {
  const { task, hidden, outputs, learningRate: peak, epochs, batchSize, seed } = decided;
  const width = data.train.x.shape[1] as number;
  const total = epochs * Math.ceil(data.train.length / batchSize);
  const schedule = warmupCosine({ peak, warmup: warmupOf(total), total });
  const experiment: Experiment = {
    name: "table",
    data,
    model: () => networkOf(width, hidden, outputs),
    loss: task === "regression" ? mse : crossEntropy,
    optimizer: adamW(schedule, { weightDecay }),
    metrics: [task === "regression" ? "r2" : "accuracy"],
    callbacks: [earlyStopping({ patience })],
    epochs,
    batchSize,
    seed,
  };
  const { train, validation = null, test } = data;
  if (test === undefined) throw new InternalError("table: the data has no test part");
  return { experiment, train, validation, test };
}

/** Trains one fold and gives what its held-back rows measure. */
export async function runFold(job: FoldJob, signal?: AbortSignal): Promise<Scores> {
  const { experiment, train, validation, test } = job;
  const { loss, optimizer, metrics = [], callbacks = [], seed = 0, epochs = 10, precision } = experiment;
  const trainer = new Trainer({
    model: experimentModel(experiment),
    loss,
    optimizer,
    metrics,
    callbacks,
    seed,
    ...(precision && { precision }),
  });
  const { batchSize, learningRateScaling, shuffle, dropLast } = experiment;
  await trainer.fit(train, {
    epochs,
    batchSize,
    learningRateScaling,
    shuffle,
    dropLast,
    ...(validation && { validation }),
    ...(signal && { signal }),
  });
  return trainer.evaluate(test);
}
