/** Binary cross-entropy from logits. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { softplus } from "../activations.ts";
import { expectLogits } from "./logits.ts";
import { asFloat, type LossOptions, reduceLoss, sameShapes } from "./reduction.ts";

export interface BceOptions extends LossOptions {
  /** Weight of the positive class against the negative. Default 1. */
  readonly positiveWeight?: number;
}

/**
 * -(w t log s(x) + (1 - t) log(1 - s(x))) for logits x and targets t in [0, 1], with s the sigmoid and w positiveWeight;
 * computed as (1 - t) x + (1 + (w - 1) t) softplus(-x), which neither overflows nor takes log 0.
 * Logits are what comes before the sigmoid: put none at the end of the model (a warning tells).
 * @throws ShapeError when the shapes differ, even where they would broadcast.
 * @example bceWithLogits(model.forward(x), y); // both [batch, 1]
 */
export function bceWithLogits(logits: Tensor, targets: Tensor, options: BceOptions = {}): Tensor {
  sameShapes("bceWithLogits", logits, targets);
  expectLogits("bceWithLogits", logits);
  const t = asFloat(targets, logits);
  const w = options.positiveWeight ?? 1;
  const values =
    w === 1
      ? softplus(logits).sub(logits.mul(t))
      : logits.sub(logits.mul(t)).add(softplus(logits.neg()).mul(t.mul(w - 1).add(1)));
  return reduceLoss("bceWithLogits", values, options.reduction);
}
