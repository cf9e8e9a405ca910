/** Tensors on the host: device bytes and the numbers they stand for, by code of the tests' own. */
import { type Aval, bytesPerElement, type DType } from "../../src/engine/ir/index.ts";
import { type Shape, sizeOf } from "../../src/util/index.ts";

export interface Host {
  readonly aval: Aval;
  readonly bytes: Uint8Array;
}

/** The value of an IEEE number with the given widths, from its bits. */
function decodeSmallFloat(bits: number, exponentBits: number, fractionBits: number): number {
  const sign = bits >>> (exponentBits + fractionBits) ? -1 : 1;
  const exponent = (bits >>> fractionBits) & (2 ** exponentBits - 1);
  const fraction = bits & (2 ** fractionBits - 1);
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  const scale = 2 ** (Math.max(exponent, 1) - bias - fractionBits);
  return sign * scale * (fraction + (exponent ? 2 ** fractionBits : 0));
}

type Codec = {
  readonly get: (view: DataView, at: number) => number;
  readonly set: (view: DataView, at: number, value: number) => void;
};

const storageOnly = (): never => {
  throw new Error("f16 and bf16 test data are made from bits");
};

const codecs: Readonly<Record<DType, Codec>> = {
  f32: { get: (v, at) => v.getFloat32(at, true), set: (v, at, value) => v.setFloat32(at, value, true) },
  i32: { get: (v, at) => v.getInt32(at, true), set: (v, at, value) => v.setInt32(at, value, true) },
  u32: { get: (v, at) => v.getUint32(at, true), set: (v, at, value) => v.setUint32(at, value, true) },
  i8: { get: (v, at) => v.getInt8(at), set: (v, at, value) => v.setInt8(at, value) },
  u8: { get: (v, at) => v.getUint8(at), set: (v, at, value) => v.setUint8(at, value) },
  bool: { get: (v, at) => v.getUint8(at), set: (v, at, value) => v.setUint8(at, value) },
  f16: { get: (v, at) => decodeSmallFloat(v.getUint16(at, true), 5, 10), set: storageOnly },
  bf16: { get: (v, at) => decodeSmallFloat(v.getUint16(at, true), 8, 7), set: storageOnly },
};

export function encode(values: ArrayLike<number>, shape: Shape, dtype: DType): Host {
  const width = bytesPerElement[dtype];
  const bytes = new Uint8Array(sizeOf(shape) * width);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < sizeOf(shape); i++) codecs[dtype].set(view, i * width, values[i] as number);
  return { aval: { shape, dtype }, bytes };
}

export function decode({ bytes, aval }: Host): Float64Array {
  const width = bytesPerElement[aval.dtype];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from({ length: sizeOf(aval.shape) }, (_, i) => codecs[aval.dtype].get(view, i * width));
}

export const hostOf = (shape: Shape, dtype: DType, bytes: Uint8Array): Host => ({
  aval: { shape, dtype },
  bytes,
});
