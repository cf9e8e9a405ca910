/** Arrays on the host: a typed array with a shape, and what plain JavaScript values become one. */
import { DataError, formatShape, type Shape, sizeOf } from "../util/index.ts";
import { ByteArray } from "./byte-array.ts";

/** Row-major values; `dtype` says what they are and which typed array holds them. */
export type HostArray =
  | { readonly dtype: "f32"; readonly shape: Shape; readonly data: Float32Array }
  | { readonly dtype: "i32"; readonly shape: Shape; readonly data: Int32Array };

export type NestedNumbers = readonly (number | NestedNumbers)[];
export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array;

/** Nested lists, a typed array (one-dimensional), or a typed array or list with its shape. */
export type ArrayLike =
  | NestedNumbers
  | NumberArray
  | { readonly data: NumberArray | readonly number[]; readonly shape: Shape };

function isNumberArray(value: unknown): value is NumberArray {
  return (
    ArrayBuffer.isView(value) &&
    !(value instanceof DataView) &&
    !(value instanceof BigInt64Array) &&
    !(value instanceof BigUint64Array)
  );
}

/** Elements in one row. */
export function rowSize(array: HostArray): number {
  return sizeOf(array.shape.slice(1));
}

/** Floats stay f32, integer typed arrays become i32; plain numbers are f32, or i32 where `labels` and all are whole and in one list. */
export function toHostArray(value: ArrayLike, name: string, labels: boolean): HostArray {
  if (isNumberArray(value)) return fromTyped(value, [value.length], name);
  if (Array.isArray(value)) return fromNested(value as NestedNumbers, name, labels);
  if (typeof value === "object" && value !== null && "data" in value && Array.isArray(value.shape)) {
    const { data, shape } = value;
    if (!isNumberArray(data) && !Array.isArray(data)) {
      throw new DataError(`${name}: data must be a typed array or a list of numbers; got ${typeof data}.`);
    }
    if (data.length !== sizeOf(shape)) {
      throw new DataError(
        `${name}: shape ${formatShape(shape)} holds ${sizeOf(shape)} elements; got ${data.length} in data.`,
      );
    }
    if (isNumberArray(data)) return fromTyped(data, shape, name);
    const flat = fromNested(data as readonly number[], name, labels && shape.length === 1);
    return { ...flat, shape };
  }
  throw new DataError(
    `${name}: must be nested lists of numbers, a typed array or { data, shape }; got ${describe(value)}. Of a tensor t pass { data: await t.data(), shape: t.shape }.`,
  );
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === "object" ? (value.constructor?.name ?? "object") : typeof value;
}

function fromTyped(data: NumberArray, shape: Shape, name: string): HostArray {
  if (data instanceof Float32Array) return { dtype: "f32", shape, data };
  if (data instanceof Float64Array) return { dtype: "f32", shape, data: Float32Array.from(data) };
  if (data instanceof Int32Array) return { dtype: "i32", shape, data };
  if (data instanceof Uint32Array) {
    const row = data.findIndex((value) => value > 0x7fffffff);
    if (row >= 0)
      throw new DataError(
        `${name}: integers must fit in 32 bits with a sign; element ${row} is ${data[row]}.`,
      );
  }
  return { dtype: "i32", shape, data: Int32Array.from(data) };
}

function fromNested(value: NestedNumbers, name: string, labels: boolean): HostArray {
  const shape: number[] = [];
  for (let level: unknown = value; Array.isArray(level); level = level[0]) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const data = new Float32Array(sizeOf(shape));
  let at = 0;
  let whole = true;
  const fill = (part: unknown, axis: number, path: string): void => {
    if (axis === shape.length) {
      if (typeof part !== "number")
        throw new DataError(`${name}: ${path} must be a number; got ${describe(part)}.`);
      whole &&= Number.isInteger(part) && Math.abs(part) <= 0x7fffffff;
      data[at++] = part;
      return;
    }
    if (!Array.isArray(part) || part.length !== shape[axis]) {
      const got = Array.isArray(part) ? `${part.length}` : describe(part);
      throw new DataError(
        `${name}: ${path} must hold ${shape[axis]} values like the first; got ${got}. Rows must be equally long.`,
      );
    }
    for (let i = 0; i < part.length; i++) fill(part[i], axis + 1, `${path}[${i}]`);
  };
  fill(value, 0, "");
  // Labels are taken from the list itself: above 2^24 a float would have rounded them.
  if (labels && whole && shape.length === 1) {
    return { dtype: "i32", shape, data: Int32Array.from(value as readonly number[]) };
  }
  return { dtype: "f32", shape, data };
}

/** Copies of rows, in order. Rows are trusted: callers have checked them. */
export function takeRows(array: HostArray, rows: Int32Array): HostArray {
  const width = rowSize(array);
  if (array instanceof ByteArray && array.compact) return array.takeRows(rows, width);
  const shape = [rows.length, ...array.shape.slice(1)];
  if (array.dtype === "f32") {
    return {
      dtype: "f32",
      shape,
      data: copyRows(array.data, new Float32Array(rows.length * width), rows, width),
    };
  }
  return {
    dtype: "i32",
    shape,
    data: copyRows(array.data, new Int32Array(rows.length * width), rows, width),
  };
}

function copyRows<A extends Float32Array | Int32Array>(from: A, to: A, rows: Int32Array, width: number): A {
  for (let i = 0; i < rows.length; i++) {
    const start = (rows[i] as number) * width;
    if (width === 1) to[i] = from[start] as number;
    else to.set(from.subarray(start, start + width), i * width);
  }
  return to;
}
