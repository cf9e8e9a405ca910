/** Sorting. NaN comes last; equal elements keep their order; NaN last also when descending. */
import { normaliseAxis, ShapeError } from "../../util/index.ts";
import { formatAval } from "../ir/index.ts";
import { apply, asNumeric } from "./apply.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

export interface SortOptions {
  readonly descending?: boolean;
}

/** The i32 indices that sort x along `axis` (default the last). */
export function argsort(x: TensorLike, axis = -1, { descending = false }: SortOptions = {}): Tensor {
  const tensor = asNumeric("argsort", x);
  const along = normaliseAxis("argsort", axis, tensor.ndim);
  return apply("argsort", [tensor], { axis: along, descending, k: tensor.shape[along] as number });
}

/** x in order along `axis` (default the last); the gradient goes back to where each element came from. */
export function sort(x: TensorLike, axis = -1, options: SortOptions = {}): Tensor {
  const tensor = asNumeric("sort", x);
  const along = normaliseAxis("sort", axis, tensor.ndim);
  return apply("gather", [tensor, argsort(tensor, along, options)], { axis: along, along: true });
}

export interface TopKOptions {
  /** Default the last. */
  readonly axis?: number;
  /** The largest (default) or the smallest. */
  readonly largest?: boolean;
}

/**
 * The k largest along an axis, in order, and their i32 indices.
 * @throws ShapeError unless 0 <= k <= size of the axis.
 * @example const { values, indices } = topk(logits, 5)
 */
export function topk(
  x: TensorLike,
  k: number,
  { axis = -1, largest = true }: TopKOptions = {},
): { values: Tensor; indices: Tensor } {
  const tensor = asNumeric("topk", x);
  const along = normaliseAxis("topk", axis, tensor.ndim);
  const size = tensor.shape[along] as number;
  if (!Number.isInteger(k) || k < 0 || k > size) {
    throw new ShapeError(
      `topk: k must be an integer in [0, ${size}]; got ${k} for ${formatAval(tensor.node.aval)}.`,
    );
  }
  const indices = apply("argsort", [tensor], { axis: along, descending: largest, k });
  return { values: apply("gather", [tensor, indices], { axis: along, along: true }), indices };
}
