/** Reductions over axes: sum, mean, extremes, products, logic. */
import { normaliseAxes, normaliseAxis, ShapeError, sizeOf } from "../../util/index.ts";
import { formatAval } from "../ir/index.ts";
import { apply, asFloat, asNumeric, asTensor, castTo, constant } from "./apply.ts";
import { type Axes, type KeepDims, keepAxes, reduceOver } from "./axes.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

/** Throws where extremes are asked of nothing. */
function requireSome(op: string, x: Tensor, axes: Axes): Tensor {
  const list = normaliseAxes(op, axes ?? undefined, x.ndim);
  if (list.some((axis) => x.shape[axis] === 0)) {
    throw new ShapeError(
      `${op}: nothing has no extreme; got ${formatAval(x.node.aval)} over axes [${list}]. The reduced axes must not be empty.`,
    );
  }
  return x;
}

/**
 * The sum over `axes` (default all); 0 over nothing. bool counts as i32.
 * @throws ShapeError for an axis out of range.
 * @example sum(x, -1, { keepDims: true })
 */
export const sum = (x: TensorLike, axes?: Axes, options: KeepDims = {}): Tensor =>
  reduceOver("sum", "sum", asNumeric("sum", x), axes, options);

/** The product over `axes` (default all); 1 over nothing. */
export const prod = (x: TensorLike, axes?: Axes, options: KeepDims = {}): Tensor =>
  reduceOver("prod", "prod", asNumeric("prod", x), axes, options);

/** The largest over `axes` (default all); NaN wins. Equal extremes share the gradient. @throws ShapeError over nothing. */
export const max = (x: TensorLike, axes?: Axes, options: KeepDims = {}): Tensor =>
  reduceOver("max", "max", requireSome("max", asNumeric("max", x), axes), axes, options);

/** The smallest over `axes` (default all); NaN wins. @throws ShapeError over nothing. */
export const min = (x: TensorLike, axes?: Axes, options: KeepDims = {}): Tensor =>
  reduceOver("min", "min", requireSome("min", asNumeric("min", x), axes), axes, options);

/** The mean over `axes` (default all) in f32; NaN over nothing. */
export function mean(x: TensorLike, axes?: Axes, options: KeepDims = {}): Tensor {
  const tensor = asFloat("mean", x);
  const total = reduceOver("mean", "sum", tensor, axes, options);
  const reduced = normaliseAxes("mean", axes ?? undefined, tensor.ndim);
  const count = sizeOf(reduced.map((axis) => tensor.shape[axis] as number));
  // Multiplying is cheaper; dividing gives NaN for no elements.
  return count === 0
    ? apply("div", [total, constant(0, "f32", total.shape)], {})
    : apply("mul", [total, constant(1 / count, "f32", total.shape)], {});
}

/** Whether any element over `axes` is true (not 0); false over nothing. */
export function any(x: TensorLike, axes?: Axes, options: KeepDims = {}): Tensor {
  const truth = castTo(castTo(asTensor(x), "bool"), "i32");
  return castTo(reduceOver("any", "sum", truth, axes, options), "bool");
}

/** Whether all elements over `axes` are true (not 0); true over nothing. */
export function all(x: TensorLike, axes?: Axes, options: KeepDims = {}): Tensor {
  const truth = castTo(castTo(asTensor(x), "bool"), "i32");
  return castTo(reduceOver("all", "prod", truth, axes, options), "bool");
}

/** The i32 index of the first largest element along `axis`, or into the flattened tensor; NaN wins. */
export const argmax = (x: TensorLike, axis?: number | null, options: KeepDims = {}): Tensor =>
  argReduce("argmax", "max", x, axis, options);

/** The i32 index of the first smallest element along `axis`, or into the flattened tensor; NaN wins. */
export const argmin = (x: TensorLike, axis?: number | null, options: KeepDims = {}): Tensor =>
  argReduce("argmin", "min", x, axis, options);

function argReduce(
  op: string,
  kind: "max" | "min",
  x: TensorLike,
  axis: number | null | undefined,
  options: KeepDims,
): Tensor {
  const tensor = asNumeric(op, x);
  if (axis === undefined || axis === null) {
    const index = apply("argReduce", [apply("reshape", [tensor], {}, [tensor.size])], { kind, axis: 0 });
    return options.keepDims
      ? apply(
          "reshape",
          [index],
          {},
          tensor.shape.map(() => 1),
        )
      : index;
  }
  const along = normaliseAxis(op, axis, tensor.ndim);
  const index = apply("argReduce", [tensor], { kind, axis: along });
  return options.keepDims ? keepAxes(index, tensor, [along]) : index;
}
