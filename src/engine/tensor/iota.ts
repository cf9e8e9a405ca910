/** The index along an axis, from which ranges, masks and one-hot vectors are made. */
import type { Shape } from "../../util/index.ts";
import type { DType } from "../ir/index.ts";
import { apply } from "./apply.ts";
import type { Tensor } from "./tensor.ts";

/** out[..., i, ...] = i along `axis`; i32, u32 or f32. */
export const iota = (shape: Shape, axis: number, dtype: DType): Tensor =>
  apply("iota", [], { axis }, shape, dtype);
