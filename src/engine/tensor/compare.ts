/** Comparisons, logic and choice. */
import { DTypeError } from "../../util/index.ts";
import { formatAval } from "../ir/index.ts";
import { apply, asTensor, broadcast, castTo, constant, operands, pair, promote } from "./apply.ts";
import { maximum, minimum } from "./arithmetic.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

/** Two operands that have an order: bools compare as 0 and 1. */
function ordered(op: string, a: TensorLike, b: TensorLike): [Tensor, Tensor] {
  const [x, y] = operands(op, a, b);
  return x.dtype === "bool" ? [castTo(x, "i32"), castTo(y, "i32")] : [x, y];
}

/** a == b as bool, broadcast; NaN equals nothing. */
export const eq = (a: TensorLike, b: TensorLike): Tensor => apply("eq", operands("eq", a, b), {});

/** a != b as bool, broadcast; NaN differs from everything. */
export const ne = (a: TensorLike, b: TensorLike): Tensor => apply("ne", operands("ne", a, b), {});

/** a < b as bool, broadcast; false beside NaN. */
export const lt = (a: TensorLike, b: TensorLike): Tensor => apply("lt", ordered("lt", a, b), {});

/** a <= b as bool, broadcast; false beside NaN. */
export const le = (a: TensorLike, b: TensorLike): Tensor => apply("le", ordered("le", a, b), {});

/** a > b as bool, broadcast; false beside NaN. */
export function gt(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = ordered("gt", a, b);
  return apply("lt", [y, x], {});
}

/** a >= b as bool, broadcast; false beside NaN. */
export function ge(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = ordered("ge", a, b);
  return apply("le", [y, x], {});
}

const asBool = (x: TensorLike): Tensor => castTo(asTensor(x), "bool");

/** Both true; numbers count as true unless 0. */
export const logicalAnd = (a: TensorLike, b: TensorLike): Tensor =>
  apply("bitAnd", operands("logicalAnd", asBool(a), asBool(b)), {});

/** At least one true. */
export const logicalOr = (a: TensorLike, b: TensorLike): Tensor =>
  apply("bitOr", operands("logicalOr", asBool(a), asBool(b)), {});

/** Exactly one true. */
export const logicalXor = (a: TensorLike, b: TensorLike): Tensor =>
  apply("bitXor", operands("logicalXor", asBool(a), asBool(b)), {});

/** Not true. */
export function logicalNot(x: TensorLike): Tensor {
  const truth = asBool(x);
  return apply("bitXor", [truth, constant(1, "bool", truth.shape)], {});
}

/** Whether x is NaN. */
export function isnan(x: TensorLike): Tensor {
  const tensor = asTensor(x);
  return ne(tensor, tensor);
}

/** Whether x is neither NaN nor infinite. */
export function isfinite(x: TensorLike): Tensor {
  const tensor = asTensor(x);
  if (tensor.dtype !== "f32") return eq(tensor, tensor);
  // x * 0 is NaN exactly where x is not finite.
  const zero = apply("mul", [tensor, constant(0, "f32", tensor.shape)], {});
  return eq(zero, zero);
}

/**
 * a where the condition holds, else b; all three broadcast. Only the chosen side gets the gradient, but a NaN or infinite
 * derivative inside the other side still spoils it (NaN * 0): make the operand safe before the dangerous function, not after.
 * @throws DTypeError unless the condition is bool.
 * @example where(x.gt(0), x, 0)
 */
export function where(condition: TensorLike, a: TensorLike, b: TensorLike): Tensor {
  const test = asTensor(condition);
  if (test.dtype !== "bool") {
    throw new DTypeError(
      `where: the condition must be bool; got ${formatAval(test.node.aval)}. Compare it first, as in x.ne(0).`,
    );
  }
  const [x, y] = pair("where", a, b);
  const dtype = x.dtype === y.dtype ? x.dtype : promote("where", x, y);
  return apply("where", broadcast("where", test, castTo(x, dtype), castTo(y, dtype)), {});
}

/**
 * x limited to [low, high]; null leaves a side open. NaN stays NaN.
 * At a bound itself the gradient is halved, as that of maximum and minimum.
 */
export function clip(x: TensorLike, low: TensorLike | null = null, high: TensorLike | null = null): Tensor {
  const raised = low === null ? asTensor(x) : maximum(x, low);
  return high === null ? raised : minimum(raised, high);
}
