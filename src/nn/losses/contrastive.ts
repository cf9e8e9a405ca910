/** The contrastive loss of pairs: together or apart, by distance. */
import { type Tensor, where } from "../../engine/tensor/index.ts";
import { requireVectors, togetherOf } from "./cosine.ts";
import { type LossOptions, maskInput, reduceLoss } from "./reduction.ts";
import { distance } from "./triplet.ts";

export interface ContrastiveOptions extends LossOptions {
  /** Distance from which pairs that do not belong together cost nothing. Default 1. */
  readonly margin?: number;
}

/**
 * d^2 for pairs that belong together (targets 1 or true), max(0, margin - d)^2 for others (0, -1 or false), with the Euclidean
 * distance d = |a - b + 1e-6|; a, b: [..., size], targets: [...].
 * Hadsell et al., "Dimensionality reduction by learning an invariant mapping", 2006, without its factor 1/2.
 * @throws ShapeError when the shapes do not fit.
 * @example contrastive(encode(left), encode(right), same);
 */
export function contrastive(a: Tensor, b: Tensor, targets: Tensor, options: ContrastiveOptions = {}): Tensor {
  requireVectors("contrastive", a, b);
  const together = togetherOf("contrastive", targets, a);
  const { margin = 1, mask } = options;
  const d = distance(
    maskInput("contrastive", a, mask, together.shape),
    maskInput("contrastive", b, mask, together.shape),
  );
  const apart = d.neg().add(margin).relu().square();
  return reduceLoss("contrastive", where(together, d.square(), apart), options);
}
