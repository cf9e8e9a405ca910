/** Numbers as a dtype holds them: for folding constants. */
import type { DType, Node, ScalarOp } from "../../ir/index.ts";
import { scalarRows } from "../../ops/index.ts";

/** `value` after a store to `dtype`, or null where the rounding is left to the device. */
export function hold(value: number, dtype: DType): number | null {
  switch (dtype) {
    case "f32":
      return Math.fround(value);
    case "i32":
      return Number.isInteger(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value | 0 : null;
    case "u32":
      return Number.isInteger(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value >>> 0 : null;
    case "bool":
      return value !== 0 ? 1 : 0;
    case "f16":
    case "bf16":
    case "i8":
    case "u8":
      return null;
    default:
      return dtype satisfies never;
  }
}

/** The scalar `op` on constants, or null where folding could differ from running. */
export function foldScalar(
  op: ScalarOp,
  args: readonly number[],
  operand: DType,
  result: DType,
): number | null {
  const row = scalarRows[op];
  const [a = 0, b = 0, c = 0] = args;
  const integers = operand !== "f32" && row.jsInt !== undefined;
  const value = integers && row.jsInt ? row.jsInt(a, b, operand === "u32") : row.js(a, b, c);
  return hold(value, result);
}

/** What a cast of a constant gives, or null where it is left to the device (NaN or out of range to an integer, narrow types). */
export function foldCast(value: number, to: DType): number | null {
  if (to === "f32" || to === "bool") return hold(value, to);
  if (to !== "i32" && to !== "u32") return null;
  const whole = Math.trunc(value);
  const fits = to === "i32" ? whole >= -(2 ** 31) && whole < 2 ** 31 : whole >= 0 && whole < 2 ** 32;
  return fits ? whole + 0 : null;
}

/** The neutral element of a reduction. */
export function neutral(kind: "sum" | "max" | "min" | "prod", dtype: DType): number {
  if (kind === "sum") return 0;
  if (kind === "prod") return 1;
  const low = dtype === "i32" ? -(2 ** 31) : dtype === "u32" ? 0 : Number.NEGATIVE_INFINITY;
  const high = dtype === "i32" ? 2 ** 31 - 1 : dtype === "u32" ? 2 ** 32 - 1 : Number.POSITIVE_INFINITY;
  return kind === "max" ? low : high;
}

/** The constant a node is everywhere, or null. */
export const constantOf = (node: Node | undefined): number | null =>
  node !== undefined && node.op === "const" ? node.attrs.value : null;

/** Whether c and 1/c are both exact: c is a power of two (of either sign) well inside the range. */
export function isPowerOfTwo(c: number): boolean {
  if (c === 0 || !Number.isFinite(c)) return false;
  const exponent = Math.log2(Math.abs(c));
  return Number.isInteger(exponent) && 2 ** exponent === Math.abs(c) && Math.abs(exponent) <= 100;
}
