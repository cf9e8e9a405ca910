/** Joining tensors. */
import { normaliseAxis, ShapeError } from "../../util/index.ts";
import type { DType } from "../ir/index.ts";
import { apply, asTensor, castTo, promote } from "./apply.ts";
import { unsqueeze } from "./movement.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

function inOneDType(op: string, xs: readonly TensorLike[]): Tensor[] {
  const [first, ...rest] = xs.map(asTensor);
  if (first === undefined) throw new ShapeError(`${op}: there must be at least one tensor; got none.`);
  let common = first;
  for (const x of rest) {
    const dtype: DType = x.dtype === common.dtype ? x.dtype : promote(op, common, x);
    common = dtype === common.dtype ? common : castTo(common, dtype);
  }
  return [first, ...rest].map((x) => castTo(x, common.dtype));
}

/**
 * The tensors one after the other along `axis` (default 0). dtypes meet as in `add`.
 * @throws ShapeError unless all other sizes are equal.
 */
export function concat(xs: readonly TensorLike[], axis = 0): Tensor {
  const tensors = inOneDType("concat", xs);
  const [first] = tensors as [Tensor];
  const along = normaliseAxis("concat", axis, first.ndim);
  return tensors.length === 1 ? first : apply("concat", tensors, { axis: along });
}

/** Tensors of equal shape along a new axis (default the first). */
export function stack(xs: readonly TensorLike[], axis = 0): Tensor {
  const tensors = inOneDType("stack", xs);
  return concat(
    tensors.map((x) => unsqueeze(x, axis)),
    axis,
  );
}
