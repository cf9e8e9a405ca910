/** The sizes of the batches: fixed, by a schedule, or by the measured noise; and the learning rate that is kept in step with them. */
import type { Schedule } from "../optim/index.ts";
import { ConfigError } from "../util/index.ts";
import type { Plan, Position } from "./events.ts";
import { NoiseScale, type NoiseState, sizeAt as sizeByNoise, untilDue } from "./noise-scale.ts";
import { rejectUnknown, wholeNumber } from "./options.ts";

/**
 * Rows in a batch: a number, a schedule of the step (0 for the run's first), a schedule of the epoch (0 for the first), or
 * `noiseScale(...)`.
 * @example { byEpoch: multiStep({ initial: 32, factor: 2, milestones: [1, 2, 3] }) } // 32, 64, 128, 256 and so on
 */
export type BatchSize = number | Schedule | { readonly byEpoch: Schedule } | NoiseScale;

/**
 * What the learning rate is times where a batch has B rows and the first had B0: B / B0 ("linear": Goyal et al., "Accurate, large minibatch
 * SGD", 2017), sqrt(B / B0) ("sqrt": Krizhevsky, "One weird trick", 2014; Malladi et al., "On the SDEs and scaling rules for adaptive
 * gradient algorithms", 2022) or 1 ("none").
 */
export type LearningRateScaling = "linear" | "sqrt" | "none";

/** A step is compiled for each size: more are a mistake. */
const MOST_SIZES = 16;

/** The sizes of a run, as its loop asks for them. */
export interface Batching {
  /** What the learning rate is meant for. */
  readonly base: number;
  /** What a resumed run must have the same of within an epoch. */
  readonly key: number | string;
  /** Null where the size is fixed. */
  readonly scaling: LearningRateScaling | null;
  /** Null where the noise is not measured. */
  readonly noise: NoiseScale | null;
  /** The size of the next batch, and how many steps from there on surely have it. */
  at(position: Position, noise: NoiseState | null): { readonly size: number; readonly steps: number };
}

/** The size a run begins with. Throws ConfigError unless it is a whole number of at least 1. */
export function firstBatchSize(batchSize: BatchSize): number {
  if (batchSize instanceof NoiseScale) return batchSize.options.min;
  if (typeof batchSize === "number") return wholeNumber("fit", "batchSize", batchSize, 1);
  return wholeSize(scheduleOf(batchSize)(0), Number.MAX_SAFE_INTEGER, 0, unitOf(batchSize));
}

const scheduleOf = (batchSize: Schedule | { readonly byEpoch: Schedule }): Schedule =>
  typeof batchSize === "function" ? batchSize : batchSize.byEpoch;
const unitOf = (batchSize: object): "step" | "epoch" => (typeof batchSize === "function" ? "step" : "epoch");

function wholeSize(value: number, rows: number, at: number, unit: "step" | "epoch"): number {
  const size = Math.round(value);
  // A straight line through whole numbers meets them but for rounding.
  if (Math.abs(value - size) <= 1e-9 * size && size >= 1 && size <= rows) return size;
  const limit = rows < Number.MAX_SAFE_INTEGER ? ` to ${rows}, the rows there are` : "";
  throw new ConfigError(
    `fit: batchSize must be a whole number from 1${limit}; the schedule gives ${value} at ${unit} ${at}. Round it, as powersOfTwo(schedule) does.`,
  );
}

/**
 * @throws ConfigError for a size that is no whole number of at least 1, and, for sizes that change, above the rows, more than 16 of them,
 * an unknown rule, or an optimizer without a learning rate to keep in step.
 */
export function batching(
  batchSize: BatchSize,
  scaling: LearningRateScaling,
  plan: Pick<Plan, "epochs" | "rows"> & { readonly dropLast: boolean },
  position: Position,
  hyperparameters: readonly string[],
): Batching {
  checkScaling(scaling);
  if (typeof batchSize === "number") {
    const size = wholeNumber("fit", "batchSize", batchSize, 1);
    const steps = Number.POSITIVE_INFINITY;
    return { base: size, key: size, scaling: null, noise: null, at: () => ({ size, steps }) };
  }
  const rated = hyperparameters.some((name) => name.split("/").at(-1) === "learningRate");
  if (scaling !== "none" && !rated) {
    throw new ConfigError(
      `fit: the optimizer must have a learningRate to keep in step with the batch size; it has ${hyperparameters.join(", ") || "no hyper-parameters"}. Give learningRateScaling: "none".`,
    );
  }
  if (batchSize instanceof NoiseScale) {
    const { options } = batchSize;
    if (options.max > plan.rows) {
      throw new ConfigError(
        `fit: noiseScale's max must be at most the ${plan.rows} rows there are; got ${options.max}.`,
      );
    }
    const key = `noiseScale(${JSON.stringify(options)}), learning rate ${scaling}`;
    const at: Batching["at"] = ({ step }, noise) => ({
      size: sizeByNoise(options, noise),
      steps: Math.max(1, untilDue(options, step, noise)),
    });
    return { base: options.min, key, scaling, noise: batchSize, at };
  }
  checkBatchSize(batchSize);
  return scheduled(batchSize, scaling, plan, position);
}

function scheduled(
  batchSize: Schedule | { readonly byEpoch: Schedule },
  scaling: LearningRateScaling,
  plan: Pick<Plan, "epochs" | "rows"> & { readonly dropLast: boolean },
  position: Position,
): Batching {
  const [schedule, unit] = [scheduleOf(batchSize), unitOf(batchSize)];
  const sizeAt = (at: number): number => wholeSize(schedule(at), plan.rows, at, unit);
  const sizes = new Set<number>();
  const add = (size: number): number => {
    sizes.add(size);
    if (sizes.size <= MOST_SIZES) return size;
    throw new ConfigError(
      `fit: batchSize must take at most ${MOST_SIZES} sizes, as a step is compiled for each; the schedule gives ${[...sizes].slice(0, 4).join(", ")} and so on. Round it, as powersOfTwo(schedule) does.`,
    );
  };
  if (unit === "epoch") {
    for (let epoch = position.epoch; epoch < plan.epochs; epoch++) add(sizeAt(epoch));
  } else {
    // The run in numbers alone, so that a wrong size is an error now and not after hours.
    let { row, step } = position;
    for (let epoch = position.epoch; epoch < plan.epochs; epoch++, row = 0) {
      while (row < plan.rows) {
        const size = add(sizeAt(step));
        if (plan.dropLast && row + size > plan.rows) break;
        row += size;
        step++;
      }
    }
  }
  const at: Batching["at"] = ({ epoch, step }) => {
    if (unit === "epoch") return { size: sizeAt(epoch), steps: Number.POSITIVE_INFINITY };
    const size = sizeAt(step);
    let steps = 1;
    // Past the end of a run nobody has looked at the sizes.
    while (steps < LOOK_AHEAD && Math.round(schedule(step + steps)) === size) steps++;
    return { size, steps };
  };
  return { base: sizeAt(0), key: `by ${unit}, learning rate ${scaling}`, scaling, noise: null, at };
}

/** Steps of one size that are asked for at a time. */
const LOOK_AHEAD = 4096;

/** What of an epoch is known ahead. */
export function epochOf(
  rows: number,
  { base, scaling }: Batching,
  dropLast: boolean,
): Pick<Plan, "batches" | "rowsPerEpoch"> {
  if (scaling !== null) return { batches: null, rowsPerEpoch: rows };
  const batches = dropLast ? Math.floor(rows / base) : Math.ceil(rows / base);
  return { batches, rowsPerEpoch: Math.min(rows, batches * base) };
}

/** What the learning rate is times for batches of `size` rows. */
export function rateFactor({ base, scaling }: Batching, size: number): number {
  if (scaling === null || scaling === "none") return 1;
  return scaling === "linear" ? size / base : Math.sqrt(size / base);
}

/** With what callbacks make of it; null where it is 1 throughout and no step needs to know. */
export function appliedFactor(batching: Batching, size: number, ofCallbacks: number): number | null {
  const follows = batching.scaling !== null && batching.scaling !== "none";
  return follows || ofCallbacks !== 1 ? rateFactor(batching, size) * ofCallbacks : null;
}

/** Throws ConfigError for what is no batch size. */
function checkBatchSize(batchSize: unknown): void {
  if (typeof batchSize === "function") return;
  if (typeof batchSize === "object" && batchSize !== null) {
    rejectUnknown("fit: batchSize", batchSize, ["byEpoch"]);
    if ("byEpoch" in batchSize && typeof batchSize.byEpoch === "function") return;
  }
  throw new ConfigError(
    `fit: batchSize must be a whole number, a schedule, { byEpoch: schedule } or noiseScale(...); got ${String(batchSize)}.`,
  );
}

function checkScaling(scaling: unknown): void {
  if (scaling === "linear" || scaling === "sqrt" || scaling === "none") return;
  throw new ConfigError(
    `fit: learningRateScaling must be "linear", "sqrt" or "none"; got ${String(scaling)}.`,
  );
}
