/** What a Trainer and its `fit` are told, and what `fit` gives. */
import type { Augmenter, Dataset, Sampler } from "../data/index.ts";
import type { MatmulPrecision } from "../engine/tensor/index.ts";
import { type Metric, type MetricName, metricsByName } from "../metrics/index.ts";
import type { Module } from "../nn/index.ts";
import { checkSteps, type Optimizer } from "../optim/index.ts";
import { ConfigError, optionNames, rejectUnknown, suggestion } from "../util/index.ts";
import type { BatchSize, LearningRateScaling } from "./batch-size.ts";
import type { Callback, EpochRecord, Plan } from "./events.ts";
import type { Precision } from "./precision.ts";
import type { Loss } from "./steps.ts";
import type { TelemetryOptions } from "./telemetry-steps.ts";

export interface TrainerOptions {
  readonly model: Module;
  /** From outputs and targets to a mean over the batch, as `crossEntropy`; `{ at }` where it follows the step. */
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  /** By name ("accuracy") or your own. The loss is always measured. */
  readonly metrics?: readonly (MetricName | Metric)[];
  readonly callbacks?: readonly Callback[];
  /** Of the initial values, the order of the rows and all randomness; default 0. */
  readonly seed?: number;
  /** Default: where new tensors go. */
  readonly device?: string;
  /** What matrix products round their operands to, in training, evaluation and prediction; see `jit`. Default "f32". */
  readonly matmulPrecision?: MatmulPrecision;
  /**
   * Mixed precision: what activations are stored in, from the forward pass to the backward one. Parameters, optimizer state and losses
   * stay f32. "bf16" also sets `matmulPrecision: "bf16"` unless that is given; "f16" scales the loss, and skips steps whose gradients
   * overflow. See docs/precision.md. Default "f32".
   */
  readonly precision?: Precision;
  /**
   * When the loss becomes NaN or infinite, the error names the first operation that made such a number, its layer and shape. For that
   * every step is a call of its own and the state is copied before it, which is slower. Default false.
   */
  readonly debug?: boolean;
  /**
   * Every so many steps one also measures itself: norms by layer, activations (see `Telemetry`), for callbacks that listen to `telemetry`.
   * The bits of training are the same. Default: every 50 steps where a callback listens, else false.
   */
  readonly telemetry?: TelemetryOptions | false;
  /**
   * Where the optimizer keeps averages (`ema`, `swa`, schedule-free): validation, `evaluate` and `predict` use them, and they are what the
   * model holds after `fit`. Batch norm's statistics are measured for them, by a pass over the training data at each validation and
   * at the end. Default true.
   */
  readonly evaluateAverages?: boolean;
}

const known = optionNames<TrainerOptions>({
  model: true,
  loss: true,
  optimizer: true,
  metrics: true,
  callbacks: true,
  seed: true,
  device: true,
  matmulPrecision: true,
  precision: true,
  debug: true,
  telemetry: true,
  evaluateAverages: true,
});

/** Whether there is all that training takes. Throws ConfigError. */
export function checkParts(options: TrainerOptions): void {
  rejectUnknown("Trainer", options, known);
  const { model, loss, optimizer } = options;
  if (typeof model?.forward !== "function")
    throw new ConfigError("Trainer: model must be a Module; it has no forward.");
  if (typeof loss !== "function" && typeof loss?.at !== "function")
    throw new ConfigError(`Trainer: loss must be a function or { at }; got ${typeof loss}.`);
  if (typeof optimizer?.update !== "function") {
    throw new ConfigError(
      `Trainer: optimizer must have init and update, as adam(1e-3) has; got ${typeof optimizer}.`,
    );
  }
  checkSteps("Trainer", optimizer);
}

export interface FitOptions {
  /** Epochs in all; after `resume`, counted from the beginning of the resumed run. */
  readonly epochs: number;
  /** A number, a schedule of the step or `{ byEpoch }`, or `noiseScale(...)`. Default 32. */
  readonly batchSize?: BatchSize;
  /**
   * How learning rates follow a batch size that changes: times its ratio to the first, the root of that, or not at all. Default "sqrt",
   * which suits adaptive optimizers and is cautious for others; with plain SGD "linear" is usual.
   */
  readonly learningRateScaling?: LearningRateScaling;
  /** Changes the batches of training, never those of evaluation: `augment([...])`. */
  readonly augment?: Augmenter | undefined;
  /** Measured after each epoch. */
  readonly validation?: Dataset;
  /** A new order each epoch; default true. */
  readonly shuffle?: boolean;
  /** Which rows an epoch has, in what order, in place of `shuffle`: from (seed, epoch), so that a resumed run has the same. */
  readonly sampler?: Sampler;
  /** Threads that make the rows of a `rowSource`; default 0: they are made in this one. */
  readonly workers?: number;
  /** Leaves out an epoch's last batch when it is smaller; default false. */
  readonly dropLast?: boolean;
  /** Aborting it ends the run after the steps under way. */
  readonly signal?: AbortSignal;
}

export interface FitResult {
  readonly history: readonly EpochRecord[];
  /** The epoch whose parameters the model has now (early stopping may put back an earlier one); null before the first. */
  readonly record: EpochRecord | null;
  /** Why it ended early; null when all epochs are done. */
  readonly reason: string | null;
  readonly plan: Plan;
  readonly seconds: number;
  /** Training rows a second, validation and compilation aside. */
  readonly samplesPerSecond: number;
  /** The share of the training time in which steps waited for data, in [0, 1]; 0 where it is in memory. */
  readonly waiting: number;
}

export const fitOptionNames: readonly (keyof FitOptions)[] = [
  "epochs",
  "batchSize",
  "learningRateScaling",
  "augment",
  "validation",
  "shuffle",
  "sampler",
  "workers",
  "dropLast",
  "signal",
];

export const metricNames = Object.keys(metricsByName) as MetricName[];

/** Throws ConfigError for a name that is no metric's. */
export function toMetric(metric: MetricName | Metric): Metric {
  if (typeof metric !== "string") return metric;
  if (!Object.hasOwn(metricsByName, metric)) {
    throw new ConfigError(`Trainer: there is no metric "${metric}".${suggestion(metric, metricNames)}`);
  }
  return metricsByName[metric]() as Metric;
}
