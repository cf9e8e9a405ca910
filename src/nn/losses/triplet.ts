/** Triplet loss: an anchor must lie nearer to what is like it than to what is not. */
import { type Tensor, where } from "../../engine/tensor/index.ts";
import { requireVectors } from "./cosine.ts";
import { type LossOptions, maskInput, reduceLoss } from "./reduction.ts";

export interface TripletMarginOptions extends LossOptions {
  /** By how much. Default 1. */
  readonly margin?: number;
  /** The norm distances are measured in: 1, 2 (default) or Infinity. */
  readonly ord?: number;
  /** Takes the distance from the positive to the negative when it is the smaller one (Balntas et al. 2016). Default false. */
  readonly swap?: boolean;
}

/**
 * max(0, d(anchor, positive) - d(anchor, negative) + margin) with d(a, b) = |a - b + 1e-6| over the last axis, as in PyTorch;
 * all three [..., size].
 * Schroff et al., "FaceNet", 2015.
 * @throws ShapeError when the shapes differ; UnsupportedError for another norm.
 * @example tripletMargin(encode(anchor), encode(same), encode(other), { margin: 0.2 });
 */
export function tripletMargin(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options: TripletMarginOptions = {},
): Tensor {
  requireVectors("tripletMargin", anchor, positive);
  requireVectors("tripletMargin", anchor, negative);
  const { margin = 1, ord = 2, swap = false, mask } = options;
  const [a, p, n] = [anchor, positive, negative].map((x) =>
    maskInput("tripletMargin", x, mask, x.shape.slice(0, -1)),
  ) as [Tensor, Tensor, Tensor];
  const apart = (x: Tensor, y: Tensor) => distance(x, y, ord);
  const far = apart(a, n);
  const other = swap ? apart(p, n) : far;
  const away = swap ? where(other.lt(far), other, far) : far;
  return reduceLoss("tripletMargin", apart(a, p).sub(away).add(margin).relu(), options);
}

/** The 1e-6 keeps the slope of a Euclidean distance of 0 finite, and is PyTorch's. */
export const distance = (a: Tensor, b: Tensor, ord = 2): Tensor => a.sub(b).add(1e-6).norm(-1, { ord });
