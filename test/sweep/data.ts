/** Test data: random values by domain, and the values that break kernels. */
import type { DType } from "../../src/engine/ir/index.ts";
import { type Shape, sizeOf } from "../../src/util/index.ts";
import { encode, type Host, hostOf } from "./host.ts";
import { Random, seedOf } from "./prng.ts";

/** Floats that kernels get wrong: NaN, infinities, zeros, denormals, the ends of the range, edges of exp. */
export const oddFloats: readonly number[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  1,
  -1,
  0.5,
  -1.5,
  2,
  3,
  -7,
  1e-40,
  -1e-40,
  2 ** -149,
  1.1754943508222875e-38,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  88.5,
  -87,
  -100,
  16777217,
  -2147483648,
  4294967040,
].map(Math.fround);

export const oddInts: readonly number[] = [0, 1, -1, 2, 7, -7, 31, 32, 33, 65536, 2 ** 31 - 1, -(2 ** 31)];
export const oddUints: readonly number[] = [0, 1, 2, 7, 31, 32, 33, 65536, 2 ** 31, 2 ** 32 - 1];

export const oddOf = (dtype: DType): readonly number[] => {
  switch (dtype) {
    case "i32":
      return oddInts;
    case "u32":
      return oddUints;
    case "bool":
      return [0, 1];
    case "i8":
      return [0, 1, -1, 127, -128];
    case "u8":
      return [0, 1, 2, 127, 128, 255];
    default:
      return oddFloats;
  }
};

export function filled(values: readonly number[], shape: Shape, dtype: DType): Host {
  return encode(
    Array.from({ length: sizeOf(shape) }, (_, i) => values[i % values.length] as number),
    shape,
    dtype,
  );
}

/** Uniform in [low, high): floats of f32, integers of the integer dtypes, 0 or 1; f16 and bf16 get any finite bits. */
export function random(name: string, shape: Shape, dtype: DType = "f32", low = -3, high = 3): Host {
  const rng = new Random(seedOf(name));
  const size = sizeOf(shape);
  switch (dtype) {
    case "f32":
      return encode(
        Float64Array.from({ length: size }, () => rng.uniform(low, high)),
        shape,
        dtype,
      );
    case "bool":
      return encode(
        Float64Array.from({ length: size }, () => rng.integer(0, 2)),
        shape,
        dtype,
      );
    case "i32":
    case "i8":
      return encode(
        Float64Array.from({ length: size }, () => rng.integer(low, high + 1)),
        shape,
        dtype,
      );
    case "u8":
      return encode(
        Float64Array.from({ length: size }, () => rng.integer(0, 256)),
        shape,
        dtype,
      );
    case "u32":
      return encode(
        Float64Array.from({ length: size }, () => rng.integer(0, high + 1)),
        shape,
        dtype,
      );
    case "f16":
    case "bf16":
      return hostOf(shape, dtype, new Uint8Array(smallFloats(rng, size).buffer));
    default:
      return dtype satisfies never;
  }
}

/** Bits below both formats' infinities, of either sign. */
const smallFloats = (rng: Random, size: number): Uint16Array =>
  Uint16Array.from({ length: size }, () => (rng.integer(0, 2) << 15) | rng.integer(0x0001, 0x7c00));
