/** The rows of a data set on a device, in as few bytes as they take: what compiled steps gather their batches from. */
import { fromBytes, onBytes, Tensor, take, tensor } from "../engine/tensor/index.ts";
import { ByteArray } from "./byte-array.ts";
import type { HostArray } from "./host.ts";

/** A tree of tensors, so that it can be an argument of `jit`: numbers as they are, or u8 that stand for f32. */
export type Rows = Tensor | DividedBytes | TabulatedBytes;

/** bytes / divisor: u8 [n, ...], f32 []. */
export interface DividedBytes {
  readonly bytes: Tensor;
  readonly divisor: Tensor;
}

/** values[bytes]: u8 [n, ...], f32 [256]. */
export interface TabulatedBytes {
  readonly bytes: Tensor;
  readonly values: Tensor;
}

/**
 * The rows of `array` for `gatherRows`. Pixels as of `mnist` stay bytes, a quarter of what f32 takes; the cpu device reads them where
 * the data set has them, and holds no copy.
 * @example const images = deviceRows(train.x);
 */
export function deviceRows(array: HostArray, device?: string): Rows {
  const bytes = array instanceof ByteArray ? array.bytes : null;
  if (array instanceof ByteArray && bytes !== null) {
    const { divisor, values, shape } = array;
    const there = onBytes(bytes, "u8", shape, device);
    const options = device === undefined ? {} : { device };
    if (divisor !== null) return { bytes: there, divisor: tensor(divisor, options) };
    return { bytes: there, values: tensor(values, options) };
  }
  const { buffer, byteOffset, byteLength } = array.data;
  return fromBytes(new Uint8Array(buffer, byteOffset, byteLength), array.dtype, array.shape, device);
}

/**
 * The rows at `indices` (i32 [batch]) as numbers: [batch, ...]. An index out of range gives NaN (integers: 0; bytes: what 0 stands for).
 * @example jit((images, order, start) => gatherRows(images, take(order, arange(32).add(start), 0)));
 */
export function gatherRows(rows: Rows, indices: Tensor): Tensor {
  if (rows instanceof Tensor) return take(rows, indices, 0);
  const bytes = take(rows.bytes, indices, 0);
  // Whole numbers up to 255 over an f32: the quotient is the table's entry, bit by bit.
  if ("divisor" in rows) return bytes.astype("f32").div(rows.divisor);
  return take(rows.values, bytes.astype("i32"), 0);
}

/** Of the rows as they are stored: [n, ...]. */
export const rowsShape = (rows: Rows): readonly number[] =>
  rows instanceof Tensor ? rows.shape : rows.bytes.shape;
