/** Cosine similarity, and the loss that pulls pairs together or apart by it. */
import { type Tensor, where } from "../../engine/tensor/index.ts";
import { formatShape, ShapeError, sameShape } from "../../util/index.ts";
import { type LossOptions, maskInput, reduceLoss } from "./reduction.ts";

/** Norms below this count as this, as in PyTorch: a vector of zeros has similarity 0 to all others. */
const SMALLEST = 1e-8;

/** x / |x| over the last axis. */
export const normalised = (x: Tensor): Tensor => x.div(x.norm(-1, { keepDims: true }).maximum(SMALLEST));

/**
 * a . b / (|a| |b|) over the last axis: [..., size] and [..., size] -> [...]. 0 for a vector of zeros.
 * @throws ShapeError when the shapes differ or have no axis.
 * @example cosineSimilarity(tensor([[3, 4]]), tensor([[4, 3]])); // 0.96
 */
export function cosineSimilarity(a: Tensor, b: Tensor): Tensor {
  requireVectors("cosineSimilarity", a, b);
  return normalised(a).mul(normalised(b)).sum(-1);
}

/** Two tensors of vectors, [..., size]. Throws ShapeError. */
export function requireVectors(op: string, a: Tensor, b: Tensor): void {
  if (a.ndim > 0 && sameShape(a.shape, b.shape)) return;
  throw new ShapeError(
    `${op}: vectors must have one shape, [...,size]; got ${a.dtype}${formatShape(a.shape)} and ${b.dtype}${formatShape(b.shape)}.`,
  );
}

/** What says for each pair whether it belongs together: bool, or 1 and -1 (or 0). Throws ShapeError. */
export function togetherOf(op: string, targets: Tensor, pairs: Tensor): Tensor {
  if (targets.ndim === pairs.ndim - 1 && targets.shape.every((size, axis) => size === pairs.shape[axis])) {
    return targets.dtype === "bool" ? targets : targets.gt(0);
  }
  throw new ShapeError(
    `${op}: targets must have one value per pair, ${formatShape(pairs.shape.slice(0, -1))}; got ${formatShape(targets.shape)}.`,
  );
}

export interface CosineEmbeddingOptions extends LossOptions {
  /** Similarity below which pairs that do not belong together cost nothing. Default 0. */
  readonly margin?: number;
}

/**
 * 1 - cos(a, b) for pairs that belong together (targets 1 or true), max(0, cos(a, b) - margin) for others (-1, 0 or false);
 * a, b: [..., size], targets: [...].
 * @throws ShapeError when the shapes do not fit.
 * @example cosineEmbedding(encode(left), encode(right), same);
 */
export function cosineEmbedding(
  a: Tensor,
  b: Tensor,
  targets: Tensor,
  options: CosineEmbeddingOptions = {},
): Tensor {
  requireVectors("cosineEmbedding", a, b);
  const together = togetherOf("cosineEmbedding", targets, a);
  const { margin = 0, mask } = options;
  const similarity = cosineSimilarity(
    maskInput("cosineEmbedding", a, mask, together.shape),
    maskInput("cosineEmbedding", b, mask, together.shape),
  );
  const apart = similarity.sub(margin).relu();
  return reduceLoss("cosineEmbedding", where(together, similarity.neg().add(1), apart), options);
}
