/** Abstract values: what is known of a tensor before it exists. */
import { type Shape, sameShape, sizeOf } from "../../util/index.ts";
import { bytesPerElement, type DType } from "./dtype.ts";

export interface Aval {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** `f32[32,10]` */
export const formatAval = (aval: Aval): string => `${aval.dtype}[${aval.shape.join(",")}]`;

export const sameAval = (a: Aval, b: Aval): boolean => a.dtype === b.dtype && sameShape(a.shape, b.shape);

export const bytesOf = (aval: Aval): number => sizeOf(aval.shape) * bytesPerElement[aval.dtype];
