/** Reading and writing at indices held in tensors. Indices are i32 in [0, size): others read a fill, by default NaN (0 for integers), and write nothing. */
import { ConfigError, DTypeError, normaliseAxis, ShapeError } from "../../util/index.ts";
import { type DType, formatAval, isFloat } from "../ir/index.ts";
import { apply, asTensor, broadcast, castTo, expandTo, requireCompute } from "./apply.ts";
import { eq } from "./compare.ts";
import { iota } from "./iota.ts";
import { unsqueeze } from "./movement.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

/** Indices as i32; u32 and plain numbers are cast. */
function asIndices(op: string, indices: TensorLike): Tensor {
  const tensor = asTensor(indices);
  if (tensor.dtype === "i32") return tensor;
  if (tensor.dtype === "u32" || typeof indices === "number") return castTo(tensor, "i32");
  throw new DTypeError(
    `${op}: indices must be i32 or u32; got ${formatAval(tensor.node.aval)}. Cast with .astype("i32").`,
  );
}

export interface TakeOptions {
  /** What an index out of range reads; default NaN, for integers 0. */
  readonly fill?: number;
}

/**
 * The slices of x at `indices` along `axis`: that axis is replaced by the shape of the indices.
 * out[..., i..., ...] = x[..., indices[i...], ...]. The gradient is added up where an index repeats.
 * @throws DTypeError unless the indices are i32 or u32; ConfigError for a fill that an integer tensor cannot hold.
 * @example take(embedding, tokens) // [vocabulary, width], [batch, time] -> [batch, time, width]
 */
export function take(x: TensorLike, indices: TensorLike, axis = 0, { fill }: TakeOptions = {}): Tensor {
  const tensor = asTensor(x);
  const along = normaliseAxis("take", axis, tensor.ndim);
  if (fill !== undefined && !isFloat(tensor.dtype) && !Number.isInteger(fill)) {
    throw new ConfigError(`take: fill must be a whole number for ${tensor.dtype}; got ${fill}.`);
  }
  return apply("gather", [tensor, asIndices("take", indices)], {
    axis: along,
    along: false,
    ...(fill !== undefined && { fill }),
  });
}

/**
 * One element of each row: out[i, j] = x[i, indices[i, j]] for axis 1. The other axes broadcast.
 * @throws ShapeError unless x and indices have equal rank; DTypeError unless the indices are i32 or u32.
 * @example takeAlongAxis(logits, labels.unsqueeze(-1), -1)
 */
export function takeAlongAxis(x: TensorLike, indices: TensorLike, axis: number): Tensor {
  const tensor = asTensor(x);
  const along = normaliseAxis("takeAlongAxis", axis, tensor.ndim);
  const [source, places] = alongShapes("takeAlongAxis", tensor, asIndices("takeAlongAxis", indices), along);
  return apply("gather", [source, places], { axis: along, along: true });
}

/** Broadcasts all axes but `axis`. */
function alongShapes(op: string, x: Tensor, indices: Tensor, axis: number): [Tensor, Tensor] {
  if (x.ndim !== indices.ndim) {
    throw new ShapeError(
      `${op}: x and indices must have the same number of axes; got ${formatAval(x.node.aval)} and ${formatAval(indices.node.aval)}. Add one with .unsqueeze(axis).`,
    );
  }
  const spread = (own: Tensor, other: Tensor) =>
    expandTo(
      own,
      own.shape.map((size, i) => (i === axis || size !== 1 ? size : (other.shape[i] as number))),
    );
  return [spread(x, indices), spread(indices, x)];
}

export interface ScatterOptions {
  /** Default 0. */
  readonly axis?: number;
  /** One place per row, as `takeAlongAxis` reads; else whole slices, as `take` reads (default). */
  readonly along?: boolean;
}

function scatter(
  op: string,
  mode: "add" | "set",
  x: TensorLike,
  indices: TensorLike,
  updates: TensorLike,
  { axis = 0, along = false }: ScatterOptions,
): Tensor {
  const base = asTensor(x);
  if (mode === "add") requireCompute(op, base);
  const at = normaliseAxis(op, axis, base.ndim);
  const places = asIndices(op, indices);
  const target = along
    ? places.shape
    : [...base.shape.slice(0, at), ...places.shape, ...base.shape.slice(at + 1)];
  const values = castTo(asTensor(updates), base.dtype);
  const [spread] = broadcast(op, values, expandTo(castTo(asTensor(0), base.dtype), target));
  return apply("scatter", [base, places, spread as Tensor], { mode, axis: at, along });
}

/**
 * x with `updates` added at `indices`: the adjoint of `take` (or, with `along`, of `takeAlongAxis`).
 * Repeated indices add up, in row-major order of the indices. Updates broadcast to the shape that reading there gives.
 * @example scatterAdd(zeros([classes]), labels, 1) // counts
 */
export const scatterAdd = (
  x: TensorLike,
  indices: TensorLike,
  updates: TensorLike,
  options: ScatterOptions = {},
): Tensor => scatter("scatterAdd", "add", x, indices, updates, options);

/** x with `updates` put at `indices`; the last of repeated indices wins. See `scatterAdd`. */
export const scatterSet = (
  x: TensorLike,
  indices: TensorLike,
  updates: TensorLike,
  options: ScatterOptions = {},
): Tensor => scatter("scatterSet", "set", x, indices, updates, options);

/**
 * A new last axis of `classes` numbers, 1 at the index and 0 elsewhere; all 0 for an index out of range.
 * @example oneHot(labels, 10) // i32[32] -> f32[32,10]
 */
export function oneHot(indices: TensorLike, classes: number, dtype: DType = "f32"): Tensor {
  const places = asIndices("oneHot", indices);
  const shape = [...places.shape, classes];
  return castTo(eq(unsqueeze(places, -1), iota(shape, shape.length - 1, "i32")), dtype);
}
