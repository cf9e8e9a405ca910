/** The state of a training run: one tree of tensors, donated from step to step, saved and resumed bit by bit. */
import { bytesPerElement } from "../engine/ir/index.ts";
import { random, Tensor, tensor } from "../engine/tensor/index.ts";
import { copyTree } from "../io/index.ts";
import type { Metric } from "../metrics/index.ts";
import { type Module, namedParameters } from "../nn/index.ts";
import type { Optimizer, State } from "../optim/index.ts";
import { visitLeaves } from "../util/index.ts";
import { firstLossScale, type LossScale } from "./loss-scale.ts";
import type { Precision } from "./precision.ts";

export type Params = Record<string, Tensor>;
/** The values that are evaluated, predicted with, and left in the model at the end. */
export interface Values {
  readonly params: Params;
  readonly buffers: Params;
}

export type MetricStates = Record<string, ReturnType<Metric["init"]>>;

export interface TrainState {
  readonly params: Params;
  readonly buffers: Params;
  readonly optimizer: State;
  /** i32: steps taken since the run began. */
  readonly step: Tensor;
  /** u32[2]: what the randomness of each step is derived from, with the step. */
  readonly key: Tensor;
  /** i32: the place of the next batch in the epoch's order. */
  readonly cursor: Tensor;
  /** Sums of this epoch so far. */
  readonly metrics: MetricStates;
  /** i32: the first step whose loss was not finite; `never` if there is none. */
  readonly failed: Tensor;
  /** Where gradients are f16. */
  readonly lossScale?: LossScale;
}

/** What `failed` holds while every loss is finite. */
export const never = 0x7fffffff;

/** Separates the run's randomness from the initial values', which come from the same seed. */
const trainStream = 0x7472;

export const freshMetrics = (metrics: readonly Metric[], device: string): MetricStates =>
  Object.fromEntries(metrics.map((metric) => [metric.name, metric.init({ device })]));

/** A 0-d i32. */
export const counter = (value: number, device: string): Tensor => tensor(value, { dtype: "i32", device });

/** Gives values to those parameters that have none; the others (pre-trained, or set by hand) keep theirs. */
export function initialise(model: Module, seed: number): void {
  const named = [...namedParameters(model)];
  if (named.every(([, parameter]) => parameter.initialized)) return;
  const given = Object.fromEntries(
    named
      .filter(([, parameter]) => parameter.initialized)
      .map(([path, parameter]) => [path, parameter.value]),
  );
  model.init(seed).load(given);
}

/** The state before the first step, in memory of its own: donation must not take what the caller holds. */
export async function firstState(
  model: Module,
  optimizer: Optimizer,
  metrics: readonly Metric[],
  seed: number,
  device: string,
  precision: Precision = "f32",
): Promise<TrainState> {
  initialise(model, seed);
  const params = await copyTree(model.parameters(), device);
  const buffers = await copyTree(model.buffers(), device);
  return {
    params,
    buffers,
    optimizer: await copyTree(optimizer.init(params), device),
    step: counter(0, device),
    key: await copyTree(random.foldIn(random.key(seed), trainStream), device),
    cursor: counter(0, device),
    metrics: freshMetrics(metrics, device),
    failed: counter(never, device),
    ...(precision === "f16" && { lossScale: firstLossScale(device) }),
  };
}

/** The bytes of a tree's tensors. */
export function treeBytes(tree: unknown): number {
  let bytes = 0;
  visitLeaves(tree, (leaf) => {
    if (leaf instanceof Tensor) bytes += leaf.size * bytesPerElement[leaf.dtype];
  });
  return bytes;
}
