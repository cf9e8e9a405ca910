/** KeyValueCache: the keys and values of what was read so far, for generating one element after the other. */
import { arange, scatterSet, type Tensor, tensor } from "../../engine/tensor/index.ts";
import type { Shape } from "../../util/index.ts";

/** A tree of tensors, to be handed from step to step and donated. */
export interface KeyValueCache {
  /** [batch, capacity, groups, width]; what lies past `length` is not seen. */
  readonly keys: Tensor;
  readonly values: Tensor;
  /** Positions filled so far: i32 []. */
  readonly length: Tensor;
}

/** An empty cache of that shape, [batch, capacity, groups, width]. */
export function emptyCache(shape: Shape, device?: string): KeyValueCache {
  const on = device === undefined ? {} : { device };
  const none = () => tensor(new Float32Array(shape.reduce((all, size) => all * size, 1)), { shape, ...on });
  return { keys: none(), values: none(), length: tensor(0, { dtype: "i32", ...on }) };
}

/** The cache with keys and values [batch, time, groups, width] after what it holds. What does not fit is dropped. */
export function appended(cache: KeyValueCache, keys: Tensor, values: Tensor): KeyValueCache {
  const time = keys.shape[1] as number;
  const at = arange(time).add(cache.length);
  return {
    keys: scatterSet(cache.keys, at, keys, { axis: 1 }),
    values: scatterSet(cache.values, at, values, { axis: 1 }),
    length: cache.length.add(time),
  };
}
