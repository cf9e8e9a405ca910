/** Variance, standard deviation and norms. */
import { normaliseAxes, sizeOf, UnsupportedError } from "../../util/index.ts";
import type { CompositeVjp, Node } from "../ir/index.ts";
import { apply, asFloat } from "./apply.ts";
import { div, mul, square, sub } from "./arithmetic.ts";
import type { Axes, KeepDims } from "./axes.ts";
import { eq, where } from "./compare.ts";
import { composite } from "./composite.ts";
import { abs, sqrt } from "./elementwise.ts";
import { max, mean, sum } from "./reduce.ts";
import { Tensor, type TensorLike } from "./tensor.ts";

export interface VarianceOptions extends KeepDims {
  /** Divide by n - correction: 0 (default) for the population, 1 for the unbiased sample variance (PyTorch's default). */
  readonly correction?: number;
}

/**
 * The mean squared distance from the mean over `axes` (default all), in two passes, so that a large mean costs no digits.
 * NaN or Infinity where n <= correction.
 */
export function variance(x: TensorLike, axes?: Axes, options: VarianceOptions = {}): Tensor {
  const tensor = asFloat("variance", x);
  const { correction = 0, keepDims = false } = options;
  const reduced = normaliseAxes("variance", axes ?? undefined, tensor.ndim);
  const count = sizeOf(reduced.map((axis) => tensor.shape[axis] as number));
  const centred = sub(tensor, mean(tensor, axes, { keepDims: true }));
  return div(sum(square(centred), axes, { keepDims }), Math.max(0, count - correction));
}

/** The square root of `variance`; its gradient is not finite where all elements are equal. */
export const std = (x: TensorLike, axes?: Axes, options: VarianceOptions = {}): Tensor =>
  sqrt(variance(x, axes, options));

export interface NormOptions extends KeepDims {
  /** 2 (default): Euclidean; 1: sum of |x|; Infinity: largest |x|. */
  readonly ord?: number;
}

/**
 * The vector norm over `axes` (default all). The gradient of the Euclidean norm at 0 is 0, as in PyTorch.
 * @throws UnsupportedError for another order.
 */
export function norm(x: TensorLike, axes?: Axes, options: NormOptions = {}): Tensor {
  const tensor = asFloat("norm", x);
  const { ord = 2, keepDims = false } = options;
  switch (ord) {
    case 1:
      return sum(abs(tensor), axes, { keepDims });
    case 2:
      return euclidean(tensor, axes, { keepDims });
    case Number.POSITIVE_INFINITY:
      return max(abs(tensor), axes, { keepDims });
    default:
      throw new UnsupportedError(
        `norm: ord must be 1, 2 or Infinity; got ${ord}. Write x.abs().pow(p).sum().`,
      );
  }
}

function euclidean(x: Tensor, axes: Axes, { keepDims }: { keepDims: boolean }): Tensor {
  // keepDims inside, so that the gradient broadcasts back.
  const rule: CompositeVjp = ([g], [input], [output]) => {
    if (!g) return [null];
    const [y, grad] = [new Tensor(output as Node), new Tensor(g)];
    const zero = eq(y, 0);
    return [mul(where(zero, 0, div(grad, where(zero, 1, y))), new Tensor(input as Node)).node];
  };
  const [length] = composite(
    [x],
    ([input]) => [sqrt(sum(square(input as Tensor), axes, { keepDims: true }))],
    {
      name: "norm",
      vjp: rule,
    },
  );
  const kept = length as Tensor;
  if (keepDims) return kept;
  const reduced = normaliseAxes("norm", axes ?? undefined, x.ndim);
  return apply(
    "reshape",
    [kept],
    {},
    x.shape.filter((_, axis) => !reduced.includes(axis)),
  );
}
