/** Arithmetic on two tensors, with broadcasting; numbers take the dtype of the other operand. */
import { DTypeError } from "../../util/index.ts";
import { formatAval } from "../ir/index.ts";
import { apply, asFloat, asNumeric, asTensor, castTo, constant, operands } from "./apply.ts";
import { Tensor, type TensorLike } from "./tensor.ts";

/** Both operands in one dtype that has arithmetic: two bools count as i32. */
function numbers(op: string, a: TensorLike, b: TensorLike): [Tensor, Tensor] {
  const [x, y] = operands(op, a, b);
  return x.dtype === "bool" ? [castTo(x, "i32"), castTo(y, "i32")] : [x, y];
}

/**
 * a + b, broadcast. f32 wins over integers, i32 and u32 over bool.
 * @throws ShapeError when the shapes do not broadcast; DTypeError for i32 with u32, a fraction beside integers, storage dtypes.
 */
export const add = (a: TensorLike, b: TensorLike): Tensor => apply("add", numbers("add", a, b), {});

/** a - b; see `add`. */
export const sub = (a: TensorLike, b: TensorLike): Tensor => apply("sub", numbers("sub", a, b), {});

/** a * b; see `add`. */
export const mul = (a: TensorLike, b: TensorLike): Tensor => apply("mul", numbers("mul", a, b), {});

/** a / b in f32 (true division, also of integers); see `add`, and `floorDivide` for integers. */
export function div(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = operands("div", asFloat("div", a), asFloat("div", b));
  return apply("div", [x, y], {});
}

/** The larger of two, element by element; NaN wins. At a tie the gradient is shared in halves. */
export const maximum = (a: TensorLike, b: TensorLike): Tensor => apply("max", numbers("maximum", a, b), {});

/** The smaller of two, element by element; NaN wins. At a tie the gradient is shared in halves. */
export const minimum = (a: TensorLike, b: TensorLike): Tensor => apply("min", numbers("minimum", a, b), {});

/** -x. u32 wraps around. */
export function neg(x: TensorLike): Tensor {
  const numeric = asNumeric("neg", x);
  return apply(
    "sub",
    [constant(numeric.dtype === "f32" ? -0 : 0, numeric.dtype, numeric.shape), numeric],
    {},
  );
}

/** x * x; exact for integers. */
export function square(x: TensorLike): Tensor {
  const numeric = asNumeric("square", x);
  return apply("mul", [numeric, numeric], {});
}

/**
 * a to the power b, in f32; integers to a whole number >= 0 stay integers.
 * The gradient with respect to b counts log(a) as 0 where a <= 0.
 * @throws DTypeError for integers to the power of a tensor or of a negative number.
 */
export function pow(a: TensorLike, b: TensorLike): Tensor {
  const base = asNumeric("pow", a);
  if (base.dtype !== "f32") {
    if (typeof b === "number" && Number.isInteger(b) && b >= 0) return power(base, b);
    if (!(b instanceof Tensor && b.dtype === "f32")) {
      throw new DTypeError(
        `pow: an integer base needs a whole number >= 0 as exponent; got ${formatAval(base.node.aval)} and ${typeof b === "number" ? b : formatAval(asTensor(b).node.aval)}. Cast the base with .astype("f32").`,
      );
    }
  }
  // Products are exact where pow is not, and many times faster.
  if (b === 1 || b === 2 || b === 3) return power(castTo(base, "f32"), b);
  const [x, y] = operands("pow", castTo(base, "f32"), typeof b === "number" ? b : asFloat("pow", b));
  return apply("pow", [x, y], {});
}

/** Repeated squaring. */
function power(x: Tensor, exponent: number): Tensor {
  if (exponent === 0) return constant(1, x.dtype, x.shape);
  let result: Tensor | null = null;
  let factor = x;
  for (let rest = exponent; ; factor = apply("mul", [factor, factor], {})) {
    if (rest % 2 === 1) result = result === null ? factor : apply("mul", [result, factor], {});
    rest = Math.floor(rest / 2);
    if (rest === 0) return result as Tensor;
  }
}

/**
 * The floor of a / b, as an integer for integers (x / 0 is 0 there), else as f32.
 * No gradient flows through it.
 */
export function floorDivide(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = numbers("floorDivide", a, b);
  const quotient = apply("div", [x, y], {});
  if (x.dtype === "f32") return apply("floor", [quotient], {});
  if (x.dtype === "u32") return quotient;
  // i32 division truncates: one less where there is a remainder and the signs differ.
  const zero = constant(0, "i32", x.shape);
  const rest = apply("sub", [x, apply("mul", [quotient, y], {})], {});
  const inexact = apply("ne", [rest, zero], {});
  const differs = apply("lt", [apply("bitXor", [x, y], {}), zero], {});
  const down = apply("sub", [quotient, constant(1, "i32", x.shape)], {});
  const nonZero = apply("ne", [y, zero], {});
  const adjust = apply("bitAnd", [apply("bitAnd", [inexact, differs], {}), nonZero], {});
  return apply("where", [adjust, down, quotient], {});
}

/** a - floorDivide(a, b) * b: what is left, with the sign of b, as in Python. For integers a modulo 0 is a. */
export function remainder(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = numbers("remainder", a, b);
  return apply("sub", [x, apply("mul", [floorDivide(x, y), y], {})], {});
}

/** Bitwise and of integers or bools. */
export const bitwiseAnd = (a: TensorLike, b: TensorLike): Tensor =>
  apply("bitAnd", operands("bitwiseAnd", a, b), {});

/** Bitwise or of integers or bools. */
export const bitwiseOr = (a: TensorLike, b: TensorLike): Tensor =>
  apply("bitOr", operands("bitwiseOr", a, b), {});

/** Bitwise exclusive or of integers or bools. */
export const bitwiseXor = (a: TensorLike, b: TensorLike): Tensor =>
  apply("bitXor", operands("bitwiseXor", a, b), {});

/** a shifted left by b bits (modulo 32); integers. */
export const shiftLeft = (a: TensorLike, b: TensorLike): Tensor =>
  apply("shiftLeft", operands("shiftLeft", a, b), {});

/** a shifted right by b bits (modulo 32), keeping the sign of i32; integers. */
export const shiftRight = (a: TensorLike, b: TensorLike): Tensor =>
  apply("shiftRight", operands("shiftRight", a, b), {});
