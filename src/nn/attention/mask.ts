/** Masks of attention: true where a query sees a key. */
import { arange, type Tensor, type TensorLike } from "../../engine/tensor/index.ts";

/**
 * bool [queries, keys]: query i, at position offset + i, sees keys 0 to offset + i.
 * @example scaledDotProductAttention(q, k, v, { mask: causalMask(4, 10, 6) }) // the last four of ten positions ask
 */
export function causalMask(queries: number, keys: number, offset: TensorLike = 0): Tensor {
  return arange(queries).add(offset).unsqueeze(-1).ge(arange(keys));
}

/**
 * bool [batch, 1, 1, keys] for lengths i32 [batch]: every query sees the keys below its sequence's length, not the padding.
 * @example attention.forward(x, ctx, { mask: paddingMask(lengths, x.shape[1]) })
 */
export function paddingMask(lengths: Tensor, keys: number): Tensor {
  return arange(keys).lt(lengths.reshape([-1, 1, 1, 1]));
}
