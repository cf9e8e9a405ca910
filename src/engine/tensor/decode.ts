/** Bytes of device memory to typed arrays and back. */
import type { DType } from "../ir/index.ts";
import { f16FromBits } from "../ops/index.ts";

export type TypedArray = Float32Array | Int32Array | Uint32Array | Int8Array | Uint8Array;

/** What `await t.data()` gives for a dtype; f16 and bf16 are widened to f32. */
export function decode(bytes: Uint8Array, dtype: DType): TypedArray {
  const copy = bytes.slice().buffer;
  switch (dtype) {
    case "f32":
      return new Float32Array(copy);
    case "i32":
      return new Int32Array(copy);
    case "u32":
      return new Uint32Array(copy);
    case "bool":
    case "u8":
      return new Uint8Array(copy);
    case "i8":
      return new Int8Array(copy);
    case "f16":
      return Float32Array.from(new Uint16Array(copy), f16FromBits);
    case "bf16":
      return widenBF16(new Uint16Array(copy));
    default:
      return dtype satisfies never;
  }
}

/** The bytes that hold `values` as `dtype`: theirs, where they hold it already. Storage dtypes are made by a cast on the device instead (`encodes`). */
export function encode(values: ArrayLike<number>, dtype: EncodedDType): Uint8Array {
  const wanted = constructors[dtype];
  const typed = values instanceof wanted ? values : new wanted(values);
  return new Uint8Array(typed.buffer, typed.byteOffset, typed.byteLength);
}

const constructors = {
  f32: Float32Array,
  i32: Int32Array,
  u32: Uint32Array,
  bool: Uint8Array,
  i8: Int8Array,
  u8: Uint8Array,
};
export type EncodedDType = keyof typeof constructors;
export const encodes = (dtype: DType): dtype is EncodedDType => Object.hasOwn(constructors, dtype);

/** bfloat16 is the upper half of an f32. */
function widenBF16(bits: Uint16Array): Float32Array {
  const words = Uint32Array.from(bits, (half) => half << 16);
  return new Float32Array(words.buffer);
}
