/** Products of matrices and tensors. */
import { broadcastShapes, normaliseAxis, ShapeError, sizeOf } from "../../util/index.ts";
import { formatAval } from "../ir/index.ts";
import { apply, asFloat, expandTo } from "./apply.ts";
import { mul } from "./arithmetic.ts";
import { permute, reshape, squeeze, unsqueeze } from "./movement.ts";
import { sum } from "./reduce.ts";
import { diagonal } from "./slicing.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

const both = (a: Tensor, b: Tensor): string => `${formatAval(a.node.aval)} and ${formatAval(b.node.aval)}`;

/**
 * The matrix product, in f32. 2-D: out[i, j] = sum over k of a[i, k] * b[k, j]. More axes in front are batches and broadcast.
 * A 1-D operand counts as a row on the left and as a column on the right, and its axis disappears from the result.
 * @throws ShapeError when the inner sizes differ or an operand is 0-d.
 * @example matmul(x, weight) // [32,784], [784,128] -> [32,128]
 */
export function matmul(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = [asFloat("matmul", a), asFloat("matmul", b)];
  if (x.ndim === 0 || y.ndim === 0) {
    throw new ShapeError(
      `matmul: operands must have at least one axis; got ${both(x, y)}. Use mul for scalars.`,
    );
  }
  const left = x.ndim === 1 ? unsqueeze(x, 0) : x;
  const right = y.ndim === 1 ? unsqueeze(y, 1) : y;
  const [rows, inner] = left.shape.slice(-2) as [number, number];
  const [depth, columns] = right.shape.slice(-2) as [number, number];
  if (inner !== depth) {
    throw new ShapeError(
      `matmul: the last axis of the left must equal the ${y.ndim === 1 ? "axis" : "last but one axis"} of the right; got ${both(x, y)}.`,
    );
  }
  const product = batched(left, right, rows, inner, columns);
  const gone = [...(x.ndim === 1 ? [-2] : []), ...(y.ndim === 1 ? [-1] : [])];
  return gone.length === 0 ? product : squeeze(product, gone);
}

/** Broadcasts batch axes; a right side without batches makes one tall matrix of the left. */
function batched(left: Tensor, right: Tensor, rows: number, inner: number, columns: number): Tensor {
  const flags = { transposeA: false, transposeB: false };
  if (right.ndim === 2 && left.ndim > 2) {
    const tall = reshape(left, [sizeOf(left.shape.slice(0, -1)), inner]);
    return reshape(apply("matmul", [tall, right], flags), [...left.shape.slice(0, -1), columns]);
  }
  const batch = broadcastShapes("matmul", left.shape.slice(0, -2), right.shape.slice(0, -2));
  const p = expandTo(left, [...batch, rows, inner]);
  const q = expandTo(right, [...batch, inner, columns]);
  return apply("matmul", [p, q], flags);
}

/**
 * The sum of products over the last axis of a and the last but one of b (its only one if 1-D): for two vectors their inner product.
 * Unlike `matmul`, axes in front are not matched but combined, as NumPy's dot; a scalar multiplies.
 */
export function dot(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = [asFloat("dot", a), asFloat("dot", b)];
  if (x.ndim === 0 || y.ndim === 0) return mul(x, y);
  return tensordot(x, y, [[-1], [y.ndim === 1 ? 0 : -2]]);
}

/** out[i..., j...] = a[i...] * b[j...]. */
export function outer(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = [asFloat("outer", a), asFloat("outer", b)];
  return mul(reshape(x, [...x.shape, ...y.shape.map(() => 1)]), y);
}

/**
 * The sum of products over pairs of axes: `[[axes of a], [axes of b]]`, or the last n of a with the first n of b (default 2).
 * The result has the other axes of a, then those of b.
 * @throws ShapeError when paired axes differ in size.
 */
export function tensordot(
  a: TensorLike,
  b: TensorLike,
  axes: number | readonly [readonly number[], readonly number[]] = 2,
): Tensor {
  const [x, y] = [asFloat("tensordot", a), asFloat("tensordot", b)];
  const list =
    typeof axes === "number"
      ? [Array.from({ length: axes }, (_, i) => i - axes), Array.from({ length: axes }, (_, i) => i)]
      : axes;
  const [ofX, ofY] = [
    (list[0] as number[]).map((axis) => normaliseAxis("tensordot", axis, x.ndim)),
    (list[1] as number[]).map((axis) => normaliseAxis("tensordot", axis, y.ndim)),
  ];
  const agree =
    ofX.length === ofY.length && ofX.every((axis, i) => x.shape[axis] === y.shape[ofY[i] as number]);
  if (!agree) {
    throw new ShapeError(
      `tensordot: paired axes must have equal sizes; got ${both(x, y)} over [${ofX}] and [${ofY}].`,
    );
  }
  const restX = x.shape.map((_, axis) => axis).filter((axis) => !ofX.includes(axis));
  const restY = y.shape.map((_, axis) => axis).filter((axis) => !ofY.includes(axis));
  const sizesX = restX.map((axis) => x.shape[axis] as number);
  const sizesY = restY.map((axis) => y.shape[axis] as number);
  const inner = sizeOf(ofX.map((axis) => x.shape[axis] as number));
  const left = reshape(permute(x, [...restX, ...ofX]), [sizeOf(sizesX), inner]);
  const right = reshape(permute(y, [...ofY, ...restY]), [inner, sizeOf(sizesY)]);
  return reshape(matmul(left, right), [...sizesX, ...sizesY]);
}

/** The sum of the diagonal of two axes (default the last two). */
export const trace = (x: TensorLike, axisA = -2, axisB = -1): Tensor => sum(diagonal(x, axisA, axisB), -1);
