/** Moving elements about without computing: shapes, order of axes, joining's inverse. */
import {
  broadcastShapes,
  formatShape,
  normaliseAxes,
  normaliseAxis,
  type Shape,
  ShapeError,
  sameShape,
  sizeOf,
} from "../../util/index.ts";
import { formatAval } from "../ir/index.ts";
import { apply, asTensor, expandTo } from "./apply.ts";
import type { Axes } from "./axes.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

/**
 * The same elements in row-major order under another shape; one size may be -1 and follows from the others.
 * @throws ShapeError when the sizes do not agree.
 * @example reshape(x, [-1, 10])
 */
export function reshape(x: TensorLike, shape: Shape): Tensor {
  const tensor = asTensor(x);
  const target = resolve(tensor, shape);
  return sameShape(target, tensor.shape) ? tensor : apply("reshape", [tensor], {}, target);
}

/** Fills in -1. */
function resolve(x: Tensor, shape: Shape): Shape {
  const free = shape.filter((size) => size === -1).length;
  const known = sizeOf(shape.filter((size) => size !== -1));
  const rest = x.size / known;
  if (free > 1 || (free === 1 && !Number.isInteger(rest)) || (free === 0 && known !== x.size)) {
    throw new ShapeError(
      `reshape: the shape must have ${x.size} elements, at most one size being -1; got ${formatShape(shape)} for ${formatAval(x.node.aval)}.`,
    );
  }
  return shape.map((size) => (size === -1 ? rest : size));
}

/** Joins the axes from `start` to `end` (inclusive; default all) into one. */
export function flatten(x: TensorLike, start = 0, end = -1): Tensor {
  const tensor = asTensor(x);
  if (tensor.ndim === 0) return reshape(tensor, [1]);
  const first = normaliseAxis("flatten", start, tensor.ndim);
  const last = normaliseAxis("flatten", end, tensor.ndim);
  if (first > last) throw new ShapeError(`flatten: start must not lie after end; got ${start} and ${end}.`);
  const { shape } = tensor;
  return reshape(tensor, [
    ...shape.slice(0, first),
    sizeOf(shape.slice(first, last + 1)),
    ...shape.slice(last + 1),
  ]);
}

/** Axis i of the result is axis `axes[i]` of x. @throws ShapeError unless every axis is named once. */
export function permute(x: TensorLike, axes: readonly number[]): Tensor {
  const tensor = asTensor(x);
  const perm = axes.map((axis) => normaliseAxis("permute", axis, tensor.ndim));
  const moved = perm.some((axis, place) => axis !== place) || perm.length !== tensor.ndim;
  return moved ? apply("permute", [tensor], { perm }) : tensor;
}

/** Two axes exchanged, by default the last two: the matrix transpose. */
export function transpose(x: TensorLike, axisA = -2, axisB = -1): Tensor {
  const tensor = asTensor(x);
  const a = normaliseAxis("transpose", axisA, tensor.ndim);
  const b = normaliseAxis("transpose", axisB, tensor.ndim);
  return permute(
    tensor,
    tensor.shape.map((_, axis) => (axis === a ? b : axis === b ? a : axis)),
  );
}

/** The axis `from` at place `to`, the others in their order. */
export function moveAxis(x: TensorLike, from: number, to: number): Tensor {
  const tensor = asTensor(x);
  const source = normaliseAxis("moveAxis", from, tensor.ndim);
  const target = normaliseAxis("moveAxis", to, tensor.ndim);
  const perm = tensor.shape.map((_, axis) => axis).filter((axis) => axis !== source);
  perm.splice(target, 0, source);
  return permute(tensor, perm);
}

/**
 * x repeated along new leading axes and axes of size 1, without copying.
 * @throws ShapeError unless x broadcasts to `shape`.
 */
export function broadcastTo(x: TensorLike, shape: Shape): Tensor {
  const tensor = asTensor(x);
  if (tensor.ndim > shape.length || !sameShape(broadcastShapes("broadcastTo", tensor.shape, shape), shape)) {
    throw new ShapeError(
      `broadcastTo: ${formatAval(tensor.node.aval)} must broadcast to the shape (equal or 1 from the right); got ${formatShape(shape)}.`,
    );
  }
  return expandTo(tensor, shape);
}

/** The same as `broadcastTo`; a size of -1 keeps that of x. */
export function expand(x: TensorLike, shape: Shape): Tensor {
  const tensor = asTensor(x);
  const shift = shape.length - tensor.ndim;
  return broadcastTo(
    tensor,
    shape.map((size, axis) => (size === -1 ? (tensor.shape[axis - shift] ?? -1) : size)),
  );
}

/** Without the named axes of size 1, or without all of size 1. @throws ShapeError where a named axis is longer. */
export function squeeze(x: TensorLike, axes?: Axes): Tensor {
  const tensor = asTensor(x);
  const { shape, ndim } = tensor;
  const all = shape.flatMap((size, axis) => (size === 1 ? [axis] : []));
  const gone = axes === undefined || axes === null ? all : normaliseAxes("squeeze", axes, ndim);
  const long = gone.find((axis) => shape[axis] !== 1);
  if (long !== undefined) {
    throw new ShapeError(
      `squeeze: a removed axis must have size 1; got axis ${long} of ${formatAval(tensor.node.aval)}.`,
    );
  }
  return reshape(
    tensor,
    shape.filter((_, axis) => !gone.includes(axis)),
  );
}

/** With new axes of size 1 at these places of the result. */
export function unsqueeze(x: TensorLike, axes: number | readonly number[]): Tensor {
  const tensor = asTensor(x);
  const count = typeof axes === "number" ? 1 : axes.length;
  const places = normaliseAxes("unsqueeze", axes, tensor.ndim + count);
  const rest = [...tensor.shape];
  const shape = Array.from({ length: tensor.ndim + count }, (_, axis) =>
    places.includes(axis) ? 1 : (rest.shift() as number),
  );
  return reshape(tensor, shape);
}

/** The order of elements reversed along `axes` (default all). */
export function flip(x: TensorLike, axes?: Axes): Tensor {
  const tensor = asTensor(x);
  const { shape } = tensor;
  const flipped = normaliseAxes("flip", axes ?? undefined, tensor.ndim);
  const step = shape.map((_, axis) => (flipped.includes(axis) ? -1 : 1));
  const start = shape.map((size, axis) => (flipped.includes(axis) ? Math.max(0, size - 1) : 0));
  return apply("slice", [tensor], { start, step }, shape);
}

/** x repeated `times[i]` times along axis i, as one after the other. */
export function tile(x: TensorLike, times: readonly number[]): Tensor {
  const tensor = asTensor(x);
  const rank = Math.max(times.length, tensor.ndim);
  const shape = [...new Array<number>(rank - tensor.ndim).fill(1), ...tensor.shape];
  const counts = [...new Array<number>(rank - times.length).fill(1), ...times];
  const spread = reshape(
    tensor,
    shape.flatMap((size) => [1, size]),
  );
  const repeated = broadcastTo(
    spread,
    shape.flatMap((size, axis) => [counts[axis] as number, size]),
  );
  return reshape(
    repeated,
    shape.map((size, axis) => size * (counts[axis] as number)),
  );
}

/** Each element repeated `times` times along `axis`, next to each other. */
export function repeat(x: TensorLike, times: number, axis = 0): Tensor {
  const tensor = asTensor(x);
  const along = normaliseAxis("repeat", axis, tensor.ndim);
  const shape = [...tensor.shape];
  const size = shape[along] as number;
  const spread = reshape(tensor, [...shape.slice(0, along + 1), 1, ...shape.slice(along + 1)]);
  const repeated = broadcastTo(spread, [...shape.slice(0, along + 1), times, ...shape.slice(along + 1)]);
  return reshape(repeated, [...shape.slice(0, along), size * times, ...shape.slice(along + 1)]);
}
