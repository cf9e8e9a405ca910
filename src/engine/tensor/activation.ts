/** relu, sigmoid and the softmax family, with stable values and gradients at extremes. */
import { normaliseAxes } from "../../util/index.ts";
import { asFloat } from "./apply.ts";
import { add, div, maximum, mul, neg, sub } from "./arithmetic.ts";
import { type Axes, type KeepDims, reduceOver } from "./axes.ts";
import { isfinite, le, where } from "./compare.ts";
import { withGradient } from "./composite.ts";
import { exp, log, stopGradient } from "./elementwise.ts";
import { squeeze } from "./movement.ts";
import { sum } from "./reduce.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

/** max(x, 0); the derivative at 0 is 0. NaN stays. */
export const relu: (x: TensorLike) => Tensor = withGradient(
  "relu",
  (x) => maximum(x, 0),
  (g, _x, y) => where(le(y, 0), 0, g),
);

/** 1 / (1 + exp(-x)), with value and gradient 0 (not NaN) far below 0. */
export const sigmoid: (x: TensorLike) => Tensor = withGradient(
  "sigmoid",
  (x) => div(1, add(1, exp(neg(x)))),
  (g, _x, y) => mul(g, mul(y, sub(1, y))),
);

const keepDims = { keepDims: true };

/**
 * exp(x) / sum(exp(x)) over `axes` (default the last), computed after subtracting the largest element.
 * A row of -Infinity alone gives NaN.
 */
export function softmax(x: TensorLike, axes: Axes = -1): Tensor {
  const body = (t: Tensor) => {
    const e = exp(sub(t, largest(t, axes)));
    return div(e, sum(e, axes, keepDims));
  };
  return rowwise("softmax", x, body, (g, _t, y) => mul(y, sub(g, sum(mul(g, y), axes, keepDims))));
}

/** log(softmax(x)) over `axes` (default the last), not passing through the softmax: x - max - log(sum(exp(x - max))). */
export function logSoftmax(x: TensorLike, axes: Axes = -1): Tensor {
  const body = (t: Tensor) => {
    const shifted = sub(t, largest(t, axes));
    return sub(shifted, log(sum(exp(shifted), axes, keepDims)));
  };
  return rowwise("logSoftmax", x, body, (g, _t, y) => sub(g, mul(exp(y), sum(g, axes, keepDims))));
}

/**
 * log(sum(exp(x))) over `axes` (default all) without overflow. -Infinity alone gives -Infinity with gradient 0.
 * @example logsumexp(logits, -1)
 */
export function logsumexp(x: TensorLike, axes?: Axes, options: KeepDims = {}): Tensor {
  const tensor = asFloat("logsumexp", x);
  const body = (t: Tensor) => {
    const shift = finite(largest(t, axes));
    return add(log(sum(exp(sub(t, shift)), axes, keepDims)), shift);
  };
  const kept = rowwise("logsumexp", tensor, body, (g, t, y) => mul(g, exp(sub(t, finite(y)))));
  return options.keepDims ? kept : squeeze(kept, normaliseAxes("logsumexp", axes ?? undefined, tensor.ndim));
}

/** The largest element of each row, as a constant. */
const largest = (x: Tensor, axes: Axes): Tensor => stopGradient(reduceOver("max", "max", x, axes, keepDims));

/** Infinities and NaN as 0, so that subtracting gives no Infinity - Infinity. */
const finite = (x: Tensor): Tensor => where(isfinite(x), x, 0);

function rowwise(
  name: string,
  x: TensorLike,
  body: (x: Tensor) => Tensor,
  vjp: (g: Tensor, x: Tensor, y: Tensor) => Tensor,
): Tensor {
  return withGradient(name, body, vjp)(x);
}
