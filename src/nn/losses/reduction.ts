/** What a loss does with its values, one per row or element. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError, sameShape } from "../../util/index.ts";

/** `mean` and `sum` give a 0-d tensor, `none` leaves the values. */
export type Reduction = "mean" | "sum" | "none";

export interface LossOptions {
  /** Default "mean". */
  readonly reduction?: Reduction;
}

/** Throws ConfigError for a reduction that is none of the three. */
export function reduceLoss(op: string, values: Tensor, reduction: Reduction = "mean"): Tensor {
  switch (reduction) {
    case "mean":
      return values.mean();
    case "sum":
      return values.sum();
    case "none":
      return values;
    default:
      reduction satisfies never;
      throw new ConfigError(
        `${op}: reduction must be "mean", "sum" or "none"; got ${JSON.stringify(reduction)}.`,
      );
  }
}

/** Predictions and targets of a regression must have one shape: [n,1] against [n] would broadcast to [n,n] in silence. */
export function sameShapes(op: string, predictions: Tensor, targets: Tensor): void {
  if (sameShape(predictions.shape, targets.shape)) return;
  throw new ShapeError(
    `${op}: predictions and targets must have one shape; got ${predictions.dtype}${formatShape(predictions.shape)} and ${targets.dtype}${formatShape(targets.shape)}. Reshape one of them.`,
  );
}

/** The targets as numbers of the predictions' dtype. */
export const asFloat = (targets: Tensor, like: Tensor): Tensor =>
  targets.dtype === like.dtype ? targets : targets.astype(like.dtype);
