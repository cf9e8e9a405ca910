/** Element types. f32, i32, u32 and bool compute; f16, bf16 and i8 only store, move and cast. */

export const dtypes = ["f32", "i32", "u32", "bool", "f16", "bf16", "i8"] as const;
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
};

export const isFloat = (dtype: DType): boolean => dtype === "f32" || dtype === "f16" || dtype === "bf16";
export const isInteger = (dtype: DType): boolean => dtype === "i32" || dtype === "u32" || dtype === "i8";
