/** Tensors from JavaScript values and from rules. */
import { DataError, DTypeError, type Shape, ShapeError, sizeOf } from "../../util/index.ts";
import { type Aval, bytesOf, type DType, dtypes, formatAval, integerRange } from "../ir/index.ts";
import {
  allocate,
  defaultDevice,
  getDevice,
  Storage,
  storageFromBytes,
  storageOnBytes,
} from "../runtime/index.ts";
import { asTensor, castTo, constant, wrap } from "./apply.ts";
import { add, mul, sub } from "./arithmetic.ts";
import { eq, ge, le, where } from "./compare.ts";
import { encode, encodes, type TypedArray } from "./decode.ts";
import { iota } from "./iota.ts";
import { reshape } from "./movement.ts";
import { fromStorage, Tensor, type TensorLike } from "./tensor.ts";

/** Numbers or booleans, arrays of them to any depth, or a typed array (which is 1-D unless a shape is given). */
export type TensorData =
  | number
  | boolean
  | readonly TensorData[]
  | TypedArray
  | Float64Array
  | Uint8ClampedArray;

export interface TensorOptions {
  /** Default: f32 for numbers and float arrays, i32 for integer typed arrays, u32 for Uint32Array, bool for booleans. */
  readonly dtype?: DType;
  /** Default: that of the data. */
  readonly shape?: Shape;
  /** Default: `defaultDevice()`. */
  readonly device?: string;
}

/**
 * A tensor that holds a copy of `data`. Numbers become f32 whatever their value; ask for i32 with `{ dtype: "i32" }`.
 * @throws DataError for ragged arrays (naming the place) and values that do not fit the dtype; ShapeError when shape and size differ.
 * @example tensor([[1, 2], [3, 4]])
 * @example tensor(new Float32Array(6), { shape: [2, 3] })
 */
export function tensor(data: TensorData | Tensor, options: TensorOptions = {}): Tensor {
  if (data instanceof Tensor) return options.dtype === undefined ? data : castTo(data, options.dtype);
  const flat = flattenData(data);
  const shape = options.shape ?? flat.shape;
  const dtype = options.dtype ?? flat.dtype;
  checkDType("tensor", dtype);
  if (sizeOf(shape) !== flat.values.length) {
    throw new ShapeError(
      `tensor: the shape must have as many elements as the data; got [${shape}] for ${flat.values.length} elements.`,
    );
  }
  const device = options.device === undefined ? defaultDevice() : getDevice(options.device);
  if (!encodes(dtype)) {
    // f16 and bf16 are rounded by a cast on the device.
    const wide = fromStorage(storageFromBytes(encode(flat.values, "f32"), { dtype: "f32", shape }, device));
    return castTo(wide, dtype);
  }
  checkValues(flat.values, dtype);
  return fromStorage(storageFromBytes(encode(flat.values, dtype), { dtype, shape: [...shape] }, device));
}

function bytesAval(op: string, bytes: Uint8Array, dtype: DType, shape: Shape): Aval {
  checkDType(op, dtype);
  const aval = { dtype, shape: [...shape] };
  if (bytes.byteLength !== bytesOf(aval)) {
    throw new DataError(`${op}: ${formatAval(aval)} takes ${bytesOf(aval)} bytes; got ${bytes.byteLength}.`);
  }
  return aval;
}

/**
 * A tensor from raw bytes: elements in row-major order, little-endian.
 * @throws DataError when the number of bytes is not that of the shape.
 */
export function fromBytes(bytes: Uint8Array, dtype: DType, shape: Shape, device?: string): Tensor {
  const aval = bytesAval("fromBytes", bytes, dtype, shape);
  return fromStorage(
    storageFromBytes(bytes, aval, device === undefined ? defaultDevice() : getDevice(device)),
  );
}

/**
 * A tensor on `bytes` themselves, where the device can read the host's memory (else on a copy): for data that nothing changes, such as
 * a file's. The caller must neither write to the bytes nor transfer their buffer as long as the tensor is in use; it cannot be donated.
 * @throws DataError when the number of bytes is not that of the shape.
 */
export function onBytes(bytes: Uint8Array, dtype: DType, shape: Shape, device?: string): Tensor {
  const aval = bytesAval("onBytes", bytes, dtype, shape);
  return fromStorage(storageOnBytes(bytes, aval, device === undefined ? defaultDevice() : getDevice(device)));
}

const CHUNK = 1 << 16;

/**
 * An f32 tensor whose elements `fill` gives piece by piece, in row-major order: `into` takes those from `start` on. For data made or
 * read on the way in, of which the host need never hold all.
 * @example fromChunks([60000, 784], (start, into) => into.forEach((_, i) => { into[i] = pixels[start + i] / 255; }))
 */
export function fromChunks(
  shape: Shape,
  fill: (start: number, into: Float32Array) => void,
  device?: string,
): Tensor {
  const aval = { dtype: "f32", shape: [...shape] } as const;
  const memory = allocate(device === undefined ? defaultDevice() : getDevice(device), aval);
  const storage = new Storage(aval, memory);
  const size = sizeOf(shape);
  const chunk = new Float32Array(Math.min(size, CHUNK));
  for (let start = 0; start < size; start += chunk.length) {
    const piece = chunk.subarray(0, size - start);
    fill(start, piece);
    const bytes = new Uint8Array(piece.buffer, 0, piece.byteLength);
    memory.device.backend.write(memory.buffer, bytes, 4 * start);
  }
  return fromStorage(storage);
}

function checkDType(op: string, dtype: DType): void {
  if (!dtypes.includes(dtype)) {
    throw new DTypeError(`${op}: dtype must be one of ${dtypes.join(", ")}; got "${dtype}".`);
  }
}

interface Flat {
  readonly values: ArrayLike<number>;
  readonly shape: Shape;
  readonly dtype: DType;
}

function flattenData(data: TensorData): Flat {
  if (ArrayBuffer.isView(data)) return { values: data, shape: [data.length], dtype: dtypeOfArray(data) };
  const shape: number[] = [];
  for (let level: TensorData | undefined = data; level !== undefined; ) {
    if (!Array.isArray(level) && !ArrayBuffer.isView(level)) break;
    shape.push(level.length);
    level = level[0] as TensorData | undefined;
  }
  const values: number[] = [];
  let booleans = 0;
  const visit = (item: unknown, axis: number, place: string): void => {
    if (axis < shape.length) {
      if (
        (!Array.isArray(item) && !ArrayBuffer.isView(item)) ||
        (item as ArrayLike<unknown>).length !== shape[axis]
      ) {
        const got =
          Array.isArray(item) || ArrayBuffer.isView(item)
            ? `${(item as ArrayLike<unknown>).length}`
            : String(item);
        throw new DataError(
          `tensor: nested arrays must not be ragged; got ${got} at data${place} where ${shape[axis]} elements are expected.`,
        );
      }
      const list = item as ArrayLike<unknown>;
      for (let i = 0; i < list.length; i++) visit(list[i], axis + 1, `${place}[${i}]`);
      return;
    }
    if (typeof item === "boolean") booleans++;
    else if (typeof item !== "number") {
      const got = Array.isArray(item)
        ? "an array"
        : item instanceof Tensor
          ? "a tensor (use stack)"
          : String(item);
      throw new DataError(`tensor: elements must be numbers or booleans; got ${got} at data${place}.`);
    }
    values.push(Number(item));
  };
  visit(data, 0, "");
  return { values, shape, dtype: booleans > 0 && booleans === values.length ? "bool" : "f32" };
}

function dtypeOfArray(data: ArrayBufferView): DType {
  if (data instanceof Float32Array || data instanceof Float64Array) return "f32";
  if (data instanceof Uint32Array) return "u32";
  if (data instanceof Int32Array || data instanceof Int8Array || data instanceof Uint8Array) return "i32";
  if (data instanceof Uint8ClampedArray) return "i32";
  throw new DataError(
    `tensor: a typed array must be Float32, Float64, Int32, Uint32, Int8, Uint8 or Uint8Clamped; got ${data.constructor.name}.`,
  );
}

/** Integers out of range would wrap silently, and fractions be cut off. */
function checkValues(values: ArrayLike<number>, dtype: DType): void {
  const range = integerRange[dtype];
  if (range === undefined) return;
  const [low, high] = range;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!(value >= low && value <= high && Number.isInteger(value))) {
      throw new DataError(
        `tensor: ${dtype} elements must be integers in [${low}, ${high}]; got ${value} at element ${i}. Use dtype "f32".`,
      );
    }
  }
}

/** `value` everywhere, computed where it is used. The value is part of the compiled plan. */
export function full(shape: Shape, value: number | boolean, dtype?: DType): Tensor {
  const chosen = dtype ?? (typeof value === "boolean" ? "bool" : "f32");
  checkDType("full", chosen);
  checkValues([Number(value)], chosen);
  if (!shape.every((size) => Number.isInteger(size) && size >= 0)) {
    throw new ShapeError(`full: sizes must be integers >= 0; got [${shape}].`);
  }
  return wrap(constant(Number(value), chosen, shape).node);
}

/** 0 everywhere. */
export const zeros = (shape: Shape, dtype: DType = "f32"): Tensor => full(shape, 0, dtype);

/** 1 everywhere. */
export const ones = (shape: Shape, dtype: DType = "f32"): Tensor => full(shape, 1, dtype);

/** `value` in the shape and dtype of x. */
export const fullLike = (x: Tensor, value: number, dtype: DType = x.dtype): Tensor =>
  full(x.shape, value, dtype);

/** 0 in the shape and dtype of x. */
export const zerosLike = (x: Tensor, dtype: DType = x.dtype): Tensor => full(x.shape, 0, dtype);

/** 1 in the shape and dtype of x. */
export const onesLike = (x: Tensor, dtype: DType = x.dtype): Tensor => full(x.shape, 1, dtype);

/**
 * start, start + step, ... while below stop (above, for a negative step); `arange(n)` counts from 0.
 * i32 when all three are whole, else f32.
 */
export function arange(start: number, stop?: number, step = 1, dtype?: DType): Tensor {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  if (step === 0 || !Number.isFinite(from) || !Number.isFinite(to) || !Number.isFinite(step)) {
    throw new ShapeError(`arange: bounds must be finite and the step not 0; got ${from}, ${to}, ${step}.`);
  }
  const count = Math.max(0, Math.ceil((to - from) / step));
  const whole = [from, to, step].every(Number.isInteger);
  const chosen = dtype ?? (whole ? "i32" : "f32");
  const kind = whole && chosen !== "f32" ? "i32" : "f32";
  const counted = iota([count], 0, kind);
  const scaled = step === 1 ? counted : mul(counted, step);
  return castTo(from === 0 ? scaled : add(scaled, from), chosen);
}

/** `count` f32 numbers at equal distances from start to stop, both included. */
export function linspace(start: number, stop: number, count: number): Tensor {
  if (!Number.isInteger(count) || count < 0) {
    throw new ShapeError(`linspace: count must be an integer >= 0; got ${count}.`);
  }
  const step = count > 1 ? (stop - start) / (count - 1) : 0;
  const values = add(mul(iota([count], 0, "f32"), step), start);
  // The last one exactly.
  return count > 1 ? where(eq(iota([count], 0, "i32"), count - 1), stop, values) : values;
}

/** Column index minus row index of the last two axes. */
function offDiagonal(rows: number, columns: number): Tensor {
  return sub(iota([rows, columns], 1, "i32"), iota([rows, columns], 0, "i32"));
}

/** 1 on the k-th diagonal (k > 0: above the main one), 0 elsewhere. */
export const eye = (rows: number, columns = rows, k = 0, dtype: DType = "f32"): Tensor =>
  castTo(eq(offDiagonal(rows, columns), k), dtype);

/** x with 0 above the k-th diagonal of the last two axes. */
export const tril = (x: TensorLike, k = 0): Tensor => triangle("tril", x, (d) => le(d, k));

/** x with 0 below the k-th diagonal of the last two axes. */
export const triu = (x: TensorLike, k = 0): Tensor => triangle("triu", x, (d) => ge(d, k));

function triangle(op: string, x: TensorLike, test: (d: Tensor) => Tensor): Tensor {
  const matrix = asTensor(x);
  if (matrix.ndim < 2) {
    throw new ShapeError(`${op}: x must have at least two axes; got ${formatAval(matrix.node.aval)}.`);
  }
  const [rows, columns] = matrix.shape.slice(-2) as [number, number];
  const kept = where(test(offDiagonal(rows, columns)), matrix, castTo(asTensor(0), matrix.dtype));
  return reshape(kept, matrix.shape);
}

/** Coordinates: for 1-D tensors of lengths n and m, two [n, m] tensors that vary along their own axis ("ij" order). */
export function meshgrid(...axes: readonly Tensor[]): Tensor[] {
  const shape = axes.map((axis) => axis.size);
  return axes.map((axis, i) => {
    const line = reshape(
      axis,
      shape.map((size, other) => (other === i ? size : 1)),
    );
    return add(line, zeros(shape, axis.dtype));
  });
}
