/** Functions of one tensor, element by element. Integers and bool are cast to f32 where the function is one on reals. */

import type { DType } from "../ir/index.ts";
import { apply, asFloat, asNumeric, asTensor, castTo, constant } from "./apply.ts";
import { add, div, maximum, mul, neg, sub } from "./arithmetic.ts";
import { eq, gt, lt, where } from "./compare.ts";
import { withGradient } from "./composite.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

/**
 * x in another dtype. Floats to integers truncate towards zero; to bool: whether not 0; f16 and bf16 round to nearest even.
 * The gradient passes between float dtypes and stops elsewhere.
 */
export const astype = (x: TensorLike, dtype: DType): Tensor => castTo(asTensor(x), dtype);

/** x as a constant: the same value, no gradient. */
export const stopGradient = (x: TensorLike): Tensor => apply("stopGradient", [asTensor(x)], {});

/** e to the x. */
export const exp = (x: TensorLike): Tensor => apply("exp", [asFloat("exp", x)], {});

/** Natural logarithm: -Infinity at 0, NaN below. */
export const log = (x: TensorLike): Tensor => apply("log", [asFloat("log", x)], {});

/** Square root: NaN below 0; its derivative at 0 is Infinity. */
export const sqrt = (x: TensorLike): Tensor => apply("sqrt", [asFloat("sqrt", x)], {});

/** 1 / sqrt(x). */
export const rsqrt = (x: TensorLike): Tensor => div(1, sqrt(x));

/** 1 / x in f32. */
export const reciprocal = (x: TensorLike): Tensor => div(1, asFloat("reciprocal", x));

/** Sine of x in radians. */
export const sin = (x: TensorLike): Tensor => apply("sin", [asFloat("sin", x)], {});

/** Cosine of x in radians. */
export const cos: (x: TensorLike) => Tensor = withGradient(
  "cos",
  (x) => {
    // Not sin(x + pi/2): that sum would lose the low bits of a large x.
    const half = apply("sin", [mul(x, 0.5)], {});
    return sub(1, mul(2, mul(half, half)));
  },
  (g, x) => neg(mul(g, sin(x))),
);

/** Tangent of x in radians. */
export function tan(x: TensorLike): Tensor {
  const tensor = asFloat("tan", x);
  return div(sin(tensor), cos(tensor));
}

/** Hyperbolic tangent. */
export const tanh = (x: TensorLike): Tensor => apply("tanh", [asFloat("tanh", x)], {});

/** The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x. */
export const erf = (x: TensorLike): Tensor => apply("erf", [asFloat("erf", x)], {});

/** log(1 + x), exact to rounding also for tiny x (Kahan's formula). */
export const log1p: (x: TensorLike) => Tensor = withGradient(
  "log1p",
  (x) => {
    const u = add(x, 1);
    // log(u) * x / (u - 1) undoes the rounding of 1 + x; not where u - 1 is 0 or infinite.
    const excess = sub(u, 1);
    const tiny = eq(excess, 0);
    const scaled = mul(log(u), div(x, where(tiny, 1, excess)));
    return where(tiny, x, where(eq(u, Number.POSITIVE_INFINITY), x, scaled));
  },
  (g, x) => div(g, add(x, 1)),
);

/** exp(x) - 1, exact to a few ulps also for tiny x: tanh(x/2) * (exp(x) + 1). */
export const expm1: (x: TensorLike) => Tensor = withGradient(
  "expm1",
  (x) => mul(tanh(mul(x, 0.5)), add(exp(x), 1)),
  (g, _x, y) => mul(g, add(y, 1)),
);

/** |x|; the derivative at 0 is 0. */
export function abs(x: TensorLike): Tensor {
  const tensor = asNumeric("abs", x);
  return tensor.dtype === "u32" ? tensor : maximum(tensor, neg(tensor));
}

/** -1, 0 or 1 in the dtype of x (NaN stays); no gradient. */
export function sign(x: TensorLike): Tensor {
  const tensor = stopGradient(asNumeric("sign", x));
  if (tensor.dtype === "u32") return castTo(gt(tensor, 0), "u32");
  return where(gt(tensor, 0), 1, where(lt(tensor, 0), -1, tensor));
}

/** The greatest integer not above x, in f32; integers stay as they are. No gradient. */
export const floor = (x: TensorLike): Tensor => rounding("floor", x, floorOf);

/** The smallest integer not below x; see `floor`. */
export const ceil = (x: TensorLike): Tensor => rounding("ceil", x, (t) => neg(floorOf(neg(t))));

/** Towards zero; see `floor`. */
export const trunc = (x: TensorLike): Tensor =>
  rounding("trunc", x, (t) => where(lt(t, 0), neg(floorOf(neg(t))), floorOf(t)));

/** To the nearest integer, halves to the even one (as NumPy and PyTorch do); see `floor`. */
export const round = (x: TensorLike): Tensor =>
  rounding("round", x, (t) => {
    const low = floorOf(t);
    const rest = sub(t, low);
    const odd = sub(low, mul(floorOf(mul(low, 0.5)), 2));
    const tie = add(low, odd);
    return where(lt(rest, 0.5), low, where(gt(rest, 0.5), add(low, 1), where(eq(rest, 0.5), tie, t)));
  });

const floorOf = (t: Tensor): Tensor => apply("floor", [t], {});

function rounding(op: string, x: TensorLike, f: (t: Tensor) => Tensor): Tensor {
  const tensor = asNumeric(op, x);
  return tensor.dtype === "f32" ? f(stopGradient(tensor)) : tensor;
}

/**
 * The inverse of erf on (-1, 1): Infinity at 1, NaN outside. Two polynomials in log(1 - x^2), relative error about 3e-7
 * (M. Giles, "Approximating the erfinv function", GPU Computing Gems Jade, 2011).
 */
export const erfinv: (x: TensorLike) => Tensor = withGradient(
  "erfinv",
  (x) => {
    const w = neg(log(mul(sub(1, x), add(x, 1))));
    const central = horner(CENTRAL, sub(w, 2.5));
    const tail = horner(TAIL, sub(sqrt(maximum(w, 5)), 3));
    const inside = mul(where(lt(w, 5), central, tail), x);
    const infinite = mul(x, Number.POSITIVE_INFINITY);
    return where(eq(maximum(x, neg(x)), 1), infinite, inside);
  },
  (g, _x, y) => mul(g, mul(Math.sqrt(Math.PI) / 2, exp(mul(y, y)))),
);

// Highest power first.
const CENTRAL = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164,
  0.246640727, 1.50140941,
];
const TAIL = [
  -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
  1.00167406, 2.83297682,
];

function horner(coefficients: readonly number[], x: Tensor): Tensor {
  const [first, ...rest] = coefficients as [number, ...number[]];
  return rest.reduce((sum, c) => add(mul(sum, x), c), constant(first, "f32", x.shape));
}
