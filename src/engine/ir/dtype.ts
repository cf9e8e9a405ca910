/** Element types. f32, i32, u32 and bool compute; f16, bf16, i8 and u8 only store, move and cast. */

export const dtypes = ["f32", "i32", "u32", "bool", "f16", "bf16", "i8", "u8"] as const;
export type DType = (typeof dtypes)[number];

/** Bytes an element takes in device memory; bool is one byte, 0 or 1. */
export const bytesPerElement: Readonly<Record<DType, number>> = {
  f32: 4,
  i32: 4,
  u32: 4,
  bool: 1,
  f16: 2,
  bf16: 2,
  i8: 1,
  u8: 1,
};

/** What a fused kernel holds an element of this dtype in. */
export type ComputeDType = "f32" | "i32" | "u32" | "bool";
export const computeDType: Readonly<Record<DType, ComputeDType>> = {
  f32: "f32",
  i32: "i32",
  u32: "u32",
  bool: "bool",
  f16: "f32",
  bf16: "f32",
  i8: "i32",
  u8: "i32",
};

/** The least and the largest value; floats have none. */
export const integerRange: Readonly<Partial<Record<DType, readonly [number, number]>>> = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  bool: [0, 1],
  i8: [-128, 127],
  u8: [0, 255],
};

export const isFloat = (dtype: DType): boolean => dtype === "f32" || dtype === "f16" || dtype === "bf16";
export const isInteger = (dtype: DType): dtype is "i32" | "u32" | "i8" | "u8" =>
  dtype === "i32" || dtype === "u32" || dtype === "i8" || dtype === "u8";
