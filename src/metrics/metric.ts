/** Metric: counts kept on the device while training or evaluating, so that no step waits for the host. */
import type { Tensor } from "../engine/tensor/index.ts";
import type { Tree } from "../util/index.ts";

/** What a step knows of its batch. Metrics take what they need. */
export interface Batch {
  /** [batch, ...]. */
  readonly logits: Tensor;
  /** [batch, ...]. */
  readonly targets: Tensor;
  /** The batch's mean loss, 0-d. */
  readonly loss: Tensor;
}

/**
 * Three pure functions over a tree of small tensors, for use inside the compiled step: `state = update(state, batch)`.
 * @example
 * let state = metric.init();
 * state = metric.update(state, { logits, targets, loss });
 * console.log(await metric.value(state).item());
 */
export interface Metric<S extends Tree<Tensor> = Tree<Tensor>> {
  readonly name: string;
  /** False where the value is no mean over rows, as a ratio or a rank is none: nothing then follows for a part of them. Default true. */
  readonly mean?: boolean;
  /** Of fixed shapes, whatever the batches are. */
  init(options?: { device?: string }): S;
  update(state: S, batch: Batch): S;
  /** A 0-d f32 tensor; NaN before the first update. */
  value(state: S): Tensor;
}
