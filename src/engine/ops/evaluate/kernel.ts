/** What an f64 kernel is given and gives, and index arithmetic the kernels share. */
import type { Shape } from "../../../util/index.ts";
import { sizeOf, stridesOf } from "../../../util/index.ts";
import type { Attrs, Aval, Graph, Op } from "../../ir/index.ts";

/** A value: one f64 per element in row-major order, whatever the dtype. */
export interface Operand {
  readonly aval: Aval;
  readonly data: Float64Array;
}

/** Runs a body on arguments. */
export type RunBody = (body: Graph, args: readonly Operand[]) => Operand[];

/**
 * The meaning of a primitive: plain loops in f64, written to be read. `out` is the aval of the (first) result.
 * Composite and loop give several results, through `run`.
 */
export type Kernel<K extends Op> = (
  src: readonly Operand[],
  attrs: Attrs[K],
  out: Aval,
  run: RunBody,
) => K extends "composite" | "loop" ? Operand[] : Float64Array;

export type KernelTable<K extends Op> = { readonly [P in K]: Kernel<P> };

export const at = (src: readonly Operand[], index: number): Operand => src[index] as Operand;

/** offset + the sum of index * stride, for every index of `shape` in row-major order. */
export function positions(shape: Shape, strides: readonly number[], offset = 0): Float64Array {
  const out = new Float64Array(sizeOf(shape));
  if (out.length === 0) return out;
  out[0] = offset;
  // Fill in the last axis, then copy the block along each axis before it.
  let block = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const stride = strides[axis] as number;
    for (let i = 1; i < (shape[axis] as number); i++) {
      for (let j = 0; j < block; j++) out[i * block + j] = (out[j] as number) + i * stride;
    }
    block *= shape[axis] as number;
  }
  return out;
}

/** data at those positions. */
export function pick(data: Float64Array, from: Float64Array): Float64Array {
  const out = new Float64Array(from.length);
  for (let i = 0; i < from.length; i++) out[i] = data[from[i] as number] as number;
  return out;
}

/** A shape seen as [outer, axis, inner]. */
export function around(shape: Shape, axis: number): { outer: number; size: number; inner: number } {
  return {
    outer: sizeOf(shape.slice(0, axis)),
    size: shape[axis] as number,
    inner: sizeOf(shape.slice(axis + 1)),
  };
}

export { sizeOf, stridesOf };
