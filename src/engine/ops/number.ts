/** Numbers of each dtype as JavaScript numbers: conversion, wrapping, rounding, and their bytes in memory. */
import { bytesPerElement, type DType, isInteger } from "../ir/index.ts";

const scratch = new DataView(new ArrayBuffer(8));

/** The exponent of the leading bit of a positive, finite f64. */
function exponentOf(x: number): number {
  scratch.setFloat64(0, x);
  return ((scratch.getUint32(0) >>> 20) & 0x7ff) - 1023;
}

/** Rounds to `bits` fraction bits, ties to even, with subnormals below 2^least and infinity from 2^(most + 1). */
function roundFloat(x: number, bits: number, least: number, most: number): number {
  const a = Math.abs(x);
  if (a === 0 || !Number.isFinite(a)) return x;
  const quantum = 2 ** (Math.max(exponentOf(a), least) - bits);
  const scaled = a / quantum;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 === 1);
  const rounded = (floor + (up ? 1 : 0)) * quantum;
  return Math.sign(x) * (rounded >= 2 ** (most + 1) ? Number.POSITIVE_INFINITY : rounded);
}

/** The nearest f16 (IEEE binary16). */
export const roundF16 = (x: number): number => roundFloat(x, 10, -14, 15);
/** The nearest bf16. */
export const roundBF16 = (x: number): number => roundFloat(x, 7, -126, 127);

const saturate = (x: number, low: number, high: number): number =>
  Number.isNaN(x) ? 0 : Math.max(low, Math.min(high, Math.trunc(x)));

const toInteger: Readonly<Record<"i32" | "u32" | "i8" | "u8", (x: number) => number>> = {
  i32: (x) => x | 0,
  u32: (x) => x >>> 0,
  i8: (x) => (x << 24) >> 24,
  u8: (x) => x & 255,
};

/** Brings an integer result back into its dtype, modulo 2^bits; floats and bool stay. */
export function wrapInteger(dtype: DType): ((x: number) => number) | null {
  return isInteger(dtype) ? toInteger[dtype] : null;
}

/**
 * The meaning of `cast`. To bool: x != 0. Float to integer: towards zero, saturating, NaN gives 0 (to i8 and u8: through i32).
 * Integer to integer: modulo 2^bits. To f16, bf16: nearest, ties to even. To f32 nothing is rounded: f64 stands for it.
 */
export function converter(from: DType, to: DType): (x: number) => number {
  const floatSource = from === "f32" || from === "f16" || from === "bf16";
  switch (to) {
    case "bool":
      return (x) => (x !== 0 ? 1 : 0);
    case "f32":
      return (x) => x;
    case "f16":
      return roundF16;
    case "bf16":
      return roundBF16;
    case "u32":
      return floatSource ? (x) => saturate(x, 0, 0xffffffff) : toInteger.u32;
    case "i32":
      return floatSource ? (x) => saturate(x, -0x80000000, 0x7fffffff) : toInteger.i32;
    case "i8":
    case "u8": {
      const wrap = toInteger[to];
      return floatSource ? (x) => wrap(saturate(x, -0x80000000, 0x7fffffff)) : wrap;
    }
    default:
      return to satisfies never;
  }
}

/** The value of the f16 with these bits. */
export function f16FromBits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** The bits of the f16 nearest to `x`. */
export function f16ToBits(x: number): number {
  if (Number.isNaN(x)) return 0x7e00;
  const rounded = roundF16(x);
  const sign = rounded < 0 || Object.is(rounded, -0) ? 0x8000 : 0;
  const a = Math.abs(rounded);
  if (a === Number.POSITIVE_INFINITY) return sign | 0x7c00;
  if (a < 2 ** -14) return sign | (a * 2 ** 24);
  const exponent = exponentOf(a);
  return sign | ((exponent + 15) << 10) | ((a / 2 ** exponent - 1) * 1024);
}

function bf16ToBits(x: number): number {
  if (Number.isNaN(x)) return 0x7fc0;
  scratch.setFloat32(0, roundBF16(x));
  return scratch.getUint16(0);
}

function bf16FromBits(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

/** The elements in memory (little endian) as numbers. */
export function decodeElements(bytes: Uint8Array, dtype: DType): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytesPerElement[dtype];
  const out = new Float64Array(Math.floor(bytes.byteLength / size));
  const read = reader(view, dtype);
  for (let i = 0; i < out.length; i++) out[i] = read(i * size);
  return out;
}

function reader(view: DataView, dtype: DType): (at: number) => number {
  switch (dtype) {
    case "f32":
      return (at) => view.getFloat32(at, true);
    case "i32":
      return (at) => view.getInt32(at, true);
    case "u32":
      return (at) => view.getUint32(at, true);
    case "bool":
    case "u8":
      return (at) => view.getUint8(at);
    case "i8":
      return (at) => view.getInt8(at);
    case "f16":
      return (at) => f16FromBits(view.getUint16(at, true));
    case "bf16":
      return (at) => bf16FromBits(view.getUint16(at, true));
    default:
      return dtype satisfies never;
  }
}

/** The bytes (little endian) of numbers that are already of this dtype; f32 is rounded. Written to `into` when given. */
export function encodeElements(values: ArrayLike<number>, dtype: DType, into?: Uint8Array): Uint8Array {
  const size = bytesPerElement[dtype];
  const bytes = into ?? new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const write = writer(view, dtype);
  for (let i = 0; i < values.length; i++) write(i * size, values[i] as number);
  return bytes;
}

function writer(view: DataView, dtype: DType): (at: number, value: number) => void {
  switch (dtype) {
    case "f32":
      return (at, value) => view.setFloat32(at, value, true);
    case "i32":
      return (at, value) => view.setInt32(at, value, true);
    case "u32":
      return (at, value) => view.setUint32(at, value, true);
    case "bool":
    case "i8":
    case "u8":
      return (at, value) => view.setInt8(at, value);
    case "f16":
      return (at, value) => view.setUint16(at, f16ToBits(value), true);
    case "bf16":
      return (at, value) => view.setUint16(at, bf16ToBits(value), true);
    default:
      return dtype satisfies never;
  }
}
