/** Losses of real-valued predictions: mse, mae, huber. */
import { clip, type Tensor } from "../../engine/tensor/index.ts";
import { ConfigError } from "../../util/index.ts";
import { asFloat, type LossOptions, reduceLoss, sameShapes } from "./reduction.ts";

function difference(op: string, predictions: Tensor, targets: Tensor): Tensor {
  sameShapes(op, predictions, targets);
  return predictions.sub(asFloat(targets, predictions));
}

/**
 * Mean squared error: (p - t)^2. Predictions and targets of one shape.
 * @throws ShapeError when the shapes differ, even where they would broadcast.
 * @example mse(model.forward(x), y);
 */
export function mse(predictions: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
  return reduceLoss("mse", difference("mse", predictions, targets).square(), options.reduction);
}

/** Mean absolute error: |p - t|, of gradient 0 at 0. Shapes and errors as `mse`. */
export function mae(predictions: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
  return reduceLoss("mae", difference("mae", predictions, targets).abs(), options.reduction);
}

export interface HuberOptions extends LossOptions {
  /** Where the parabola becomes a line. Default 1. */
  readonly delta?: number;
}

/**
 * d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), with d = p - t. Huber 1964. Shapes and errors as `mse`.
 * @throws ConfigError unless delta > 0.
 */
export function huber(predictions: Tensor, targets: Tensor, options: HuberOptions = {}): Tensor {
  const delta = options.delta ?? 1;
  if (!(delta > 0)) throw new ConfigError(`huber: delta must be above 0; got ${delta}.`);
  const d = difference("huber", predictions, targets);
  const near = clip(d, -delta, delta); // near (d - near / 2) is both branches at once
  return reduceLoss("huber", near.mul(d.sub(near.mul(0.5))), options.reduction);
}
