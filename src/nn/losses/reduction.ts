/** What a loss does with its values, one per row or element: weighs them, leaves some out, and reduces. */
import { broadcastTo, type Tensor, where } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, type Shape, ShapeError, sameShape } from "../../util/index.ts";

/** `mean` and `sum` give a 0-d tensor, `none` leaves the values. */
export type Reduction = "mean" | "sum" | "none";

export interface LossOptions {
  /** Default "mean": sum(w l) / sum(w) over what the mask leaves, NaN when that is nothing. */
  readonly reduction?: Reduction;
  /**
   * What each value l counts, w: in the shape of the values with reduction "none", or of their leading axes, as [batch]. Sizes of 1
   * spread. The mean divides by their sum, as PyTorch's crossEntropy and mse do (its bce and huber divide by the number of values).
   */
  readonly weights?: Tensor;
  /** True where a value counts, shaped as `weights`. What it leaves out gives 0 and no gradient, also when it is NaN. */
  readonly mask?: Tensor;
}

/**
 * The values weighed, masked and reduced. `measure` is what each value counts before that, in their shape: the mean divides by
 * its sum.
 * Throws ConfigError for a reduction that is none of the three, ShapeError for weights or a mask that do not fit.
 */
export function reduceLoss(
  op: string,
  values: Tensor,
  options: LossOptions = {},
  measure: Tensor | null = null,
): Tensor {
  const { reduction = "mean", weights, mask } = options;
  let each = values;
  let counted = measure;
  if (weights !== undefined) {
    const w = asFloat(spread(op, "weights", weights, values.shape), values);
    each = each.mul(w);
    counted = counted === null ? w : counted.mul(w);
  }
  if (mask !== undefined) {
    const kept = keptBy(op, mask, values.shape);
    each = where(kept, each, 0);
    counted = where(kept, counted ?? 1, 0);
  }
  switch (reduction) {
    case "mean":
      return counted === null ? each.mean() : each.sum().div(counted.sum());
    case "sum":
      return each.sum();
    case "none":
      return each;
    default:
      reduction satisfies never;
      throw new ConfigError(
        `${op}: reduction must be "mean", "sum" or "none"; got ${JSON.stringify(reduction)}.`,
      );
  }
}

/** A mask as bool in the shape of the values. Throws ShapeError. */
export const keptBy = (op: string, mask: Tensor, values: Shape): Tensor =>
  spread(op, "mask", mask, values).astype("bool");

/** x, of the values' shape or of their leading axes, in that shape: numpy's rule would join [batch] to the last axis. */
function spread(op: string, what: string, x: Tensor, values: Shape): Tensor {
  const padded = [...x.shape, ...values.slice(x.ndim).map(() => 1)];
  const fits = x.ndim <= values.length && padded.every((size, axis) => size === 1 || size === values[axis]);
  if (!fits) {
    throw new ShapeError(
      `${op}: ${what} must have the shape of the losses or of their leading axes; got ${x.dtype}${formatShape(x.shape)} for losses ${formatShape(values)}.`,
    );
  }
  return broadcastTo(x.reshape(padded), values);
}

/** x where the mask holds, else 0: what is left out must be harmless before the loss, since NaN times a gradient of 0 is NaN. */
export function maskInput(op: string, x: Tensor, mask: Tensor | undefined, values: Shape = x.shape): Tensor {
  if (mask === undefined) return x;
  const kept = keptBy(op, mask, values);
  return where(kept.reshape([...values, ...x.shape.slice(values.length).map(() => 1)]), x, 0);
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
