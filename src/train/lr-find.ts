/** The learning-rate range test: the loss while the rate grows, and a rate to begin with. */
import { type Augmenter, type Dataset, deviceRows, permutation, toTensor } from "../data/index.ts";
import { defaultDevice } from "../engine/runtime/index.ts";
import { tensor } from "../engine/tensor/index.ts";
import { type Metric, meanLoss } from "../metrics/index.ts";
import type { Module } from "../nn/index.ts";
import { exponentialGrowth, type Optimizer, setHyperparameter } from "../optim/index.ts";
import { ConfigError } from "../util/index.ts";
import { checkFit } from "./check.ts";
import { rejectUnknown, wholeNumber } from "./options.ts";
import { counter, firstState, freshMetrics, initialise, type TrainState } from "./state.ts";
import { type Loss, type Parts, readStep, trainStep } from "./steps.ts";
import { checkDataset } from "./training-data.ts";

export interface LrFindParts {
  readonly model: Module;
  readonly loss: Loss;
  /** With a number for its learning rate, whose value does not matter. */
  readonly optimizer: Optimizer;
  /** Default 0. */
  readonly seed?: number;
  /** Changes the batches that are trained on. */
  readonly augment?: Augmenter | undefined;
}

export interface LrFindOptions {
  /** The first rate. Default 1e-7. */
  readonly from?: number;
  /** The last. Default 10. */
  readonly to?: number;
  /** Default 100. */
  readonly steps?: number;
  /** Default 32. */
  readonly batchSize?: number;
  /** Decay of the mean that smooths the losses. Default 0.9. */
  readonly smoothing?: number;
  /** Ends when the smoothed loss is so many times the least. Default 4. */
  readonly divergence?: number;
  /** Aborting it ends the test after the step under way. */
  readonly signal?: AbortSignal;
  readonly onStep?: (point: LrPoint, step: number) => void;
}

export interface LrPoint {
  readonly learningRate: number;
  readonly loss: number;
  /** The mean of the losses so far that forgets old ones, without bias. */
  readonly smoothed: number;
}

export interface LrFindResult {
  readonly points: readonly LrPoint[];
  /**
   * Where three quarters of the smoothed loss's fall are behind it; where it falls by less than a tenth, a tenth of the rate from which on
   * it rises. Null where it never falls.
   */
  readonly suggestion: number | null;
  /** How far the smoothed loss fell, as a share of what it was before. */
  readonly fall: number;
  /** A tenth of the rate of the least smoothed loss: for schedules that begin at their highest rate. */
  readonly tenthOfLeast: number;
  readonly reason: "diverged" | "done" | "interrupted";
}

/**
 * Trains a copy of the model for a few steps while the learning rate grows from `from` to `to` by one factor a step, and notes the
 * losses. Where most of their fall is behind them is a good rate to begin with; where they explode is too high. The model stays as it is; one without values gets its initial ones.
 *
 * Smith, "Cyclical learning rates for training neural networks", 2017. Of the rules in use the steepest fall can be one of noise, at a rate
 * thousands of times too low, and the middle of the longest fall (fastai's valley) lies about ten times too low; docs/choosing.md has figures.
 * @throws ConfigError for values out of range, and when the learning rate follows a schedule; DataError and ShapeError as `fit`.
 * @example
 * const { suggestion } = await lrFind({ model, loss: crossEntropy, optimizer: adam() }, train, { batchSize: 128 });
 */
export async function lrFind(
  { model, loss, optimizer, augment, seed = 0 }: LrFindParts,
  train: Dataset,
  options: LrFindOptions = {},
): Promise<LrFindResult> {
  rejectUnknown("lrFind", options, [
    "from",
    "to",
    "steps",
    "batchSize",
    "smoothing",
    "divergence",
    "signal",
    "onStep",
  ]);
  const { from = 1e-7, to = 10, steps = 100, batchSize = 32, smoothing = 0.9, divergence = 4 } = options;
  wholeNumber("lrFind", "steps", steps, 10);
  wholeNumber("lrFind", "batchSize", batchSize, 1);
  if (!(from > 0 && from < to && Number.isFinite(to))) {
    throw new ConfigError(`lrFind: from must be above 0 and below to; got ${from} and ${to}.`);
  }
  if (!(smoothing >= 0 && smoothing < 1)) {
    throw new ConfigError(`lrFind: smoothing must be at least 0 and below 1; got ${smoothing}.`);
  }
  if (!(divergence > 1)) throw new ConfigError(`lrFind: divergence must be above 1; got ${divergence}.`);
  checkDataset("lrFind: the training data", train);
  const size = Math.min(batchSize, train.length);
  const metrics = [meanLoss() as Metric];
  const parts: Parts = { model, loss, optimizer, metrics, matmulPrecision: "f32", augment };
  initialise(model, seed);
  await checkFit(parts, train, size, "the training data");

  const device = defaultDevice().name;
  const placed = { x: deviceRows(train.x, device), y: toTensor(train.y, device) };
  const step = trainStep(parts, size);
  const read = readStep(metrics);
  const rateAt = exponentialGrowth({ from, to, steps: steps - 1 });
  const batches = Math.floor(train.length / size);
  let order = tensor(new Int32Array(0), { dtype: "i32", device });
  let state: TrainState = await firstState(model, optimizer, metrics, seed, device);
  const points: LrPoint[] = [];
  let mean = 0;
  let least = Number.POSITIVE_INFINITY;
  let reason: LrFindResult["reason"] = "done";
  for (let i = 0; i < steps; i++) {
    if (options.signal?.aborted) {
      reason = "interrupted";
      break;
    }
    const learningRate = rateAt(i);
    const epoch = Math.floor(i / batches);
    if (i % batches === 0) order = tensor(permutation(train.length, seed, epoch), { dtype: "i32", device });
    state = {
      ...state,
      optimizer: setHyperparameter(state.optimizer, "learningRate", learningRate),
      cursor: counter((i % batches) * size, device),
      metrics: freshMetrics(metrics, device),
    };
    [state] = step(state, { ...placed, order });
    const value = (await read(state.metrics).data())[0] as number;
    mean = smoothing * mean + (1 - smoothing) * value;
    const point = { learningRate, loss: value, smoothed: mean / (1 - smoothing ** (i + 1)) };
    if (!Number.isFinite(value)) {
      reason = "diverged";
      break;
    }
    points.push(point);
    options.onStep?.(point, i + 1);
    least = Math.min(least, point.smoothed);
    if (point.smoothed > divergence * least) {
      reason = "diverged";
      break;
    }
  }
  return { points, ...suggest(points), reason };
}

/** Of the loss's whole fall, how much is behind it at the suggested rate. */
const BEHIND = 0.75;
/** A fall of less, as a share of the first losses, is noise for the most part. */
const SLIGHT = 0.1;
/** Above the first losses by this much the loss is on its way up. */
const RISING = 1.05;

/** Rates at which to begin, and how far the loss fell. */
export function suggest(
  points: readonly LrPoint[],
): Pick<LrFindResult, "suggestion" | "tenthOfLeast" | "fall"> {
  if (points.length === 0) return { suggestion: null, tenthOfLeast: 0, fall: 0 };
  const losses = points.map(({ smoothed }) => smoothed);
  const rate = (index: number) => (points[index] as LrPoint).learningRate;
  const least = Math.min(...losses);
  const lowest = losses.indexOf(least);
  const first = median(losses.slice(0, Math.max(1, Math.min(20, lowest >> 1))));
  const fall = (first - least) / Math.max(Math.abs(first), Number.MIN_VALUE);
  const tenthOfLeast = rate(lowest) / 10;
  if (lowest === 0 || !(fall > 0)) return { suggestion: null, tenthOfLeast, fall: 0 };
  const rising = losses.findLastIndex((loss, i) => i >= lowest && loss <= RISING * first) + 1;
  if (fall < SLIGHT && rising < losses.length) return { suggestion: rate(rising) / 10, tenthOfLeast, fall };
  const level = first - BEHIND * (first - least);
  // The last above it on the way down: noise comes back up, and the fall that stays does not.
  const last = losses.findLastIndex((loss, i) => i < lowest && loss >= level);
  return { suggestion: rate(Math.max(0, last)), tenthOfLeast, fall };
}

function median(values: readonly number[]): number {
  const order = [...values].sort((a, b) => a - b);
  return order[order.length >> 1] ?? Number.NaN;
}
