/** Convolutions that are products of two matrices as they lie in memory. */
import { sizeOf } from "../../../util/index.ts";
import type { ConvStep, GemmStep, MatrixAccess } from "../../ir/index.ts";

export type Product = Omit<GemmStep, "epilogue">;

/**
 * The step as a product, or null. It is one where the kernel is a point along the first spatial axes and covers the image along the
 * others, without padding: x is then a matrix of patches already.
 */
export function convAsProduct(step: ConvStep): Product | null {
  const { x, w, y, stride, padding, dilation, groups } = step;
  const rank = x.length - 2;
  const at = (list: readonly number[], axis: number) => list[axis] as number;
  const unpadded = padding.every(([lo, hi]) => lo === 0 && hi === 0);
  if (groups !== 1 || !unpadded) return null;
  let points = 0;
  while (points < rank && at(w, points) === 1 && at(stride, points) === 1) points++;
  for (let axis = points; axis < rank; axis++) {
    const covers = at(w, axis) === at(x, axis + 1) && (at(dilation, axis) === 1 || at(w, axis) === 1);
    if (!covers) return null;
  }
  const rows = sizeOf(x.slice(0, points + 1));
  const patch = sizeOf(x.slice(points + 1));
  const outs = at(y, rank + 1);
  const matrix = (buffer: number, rowStride: number, colStride: number): MatrixAccess => ({
    buffer,
    offset: 0,
    batchStrides: [],
    rowStride,
    colStride,
  });
  const product = (m: number, n: number, k: number, a: MatrixAccess, b: MatrixAccess): Product => ({
    kind: "gemm",
    precision: "f32",
    batch: [],
    m,
    n,
    k,
    a,
    b,
  });
  switch (step.op) {
    case "conv":
      return product(rows, outs, patch, matrix(step.a, patch, 1), matrix(step.b, outs, 1));
    case "convInputGrad":
      return product(rows, patch, outs, matrix(step.a, outs, 1), matrix(step.b, 1, outs));
    case "convFilterGrad":
      return product(patch, outs, rows, matrix(step.a, 1, patch), matrix(step.b, outs, 1));
    default:
      return step.op satisfies never;
  }
}
