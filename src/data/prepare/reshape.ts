/** Transforms that change the form of a number's distribution: logarithm, Yeo-Johnson's power, clipped outliers. */
import { z } from "zod";
import { ConfigError, optionNames, rejectUnknown } from "../../util/index.ts";
import { pointwise, quantile, sortedValues, type Transform } from "./operation.ts";

export const logTransforming = pointwise(
  "logTransform",
  z.strictObject({}),
  () => (value) => Math.sign(value) * Math.log1p(Math.abs(value)),
);
export const powerTransforming = pointwise(
  "powerTransform",
  z.strictObject({ lambda: z.number() }),
  ({ lambda }) =>
    (value) =>
      yeoJohnson(value, lambda),
);
export const outlierClipping = pointwise(
  "clipOutliers",
  z.strictObject({ low: z.number(), high: z.number() }),
  ({ low, high }) =>
    (value) =>
      Math.min(Math.max(value, low), high),
);

/**
 * sign(x) ln(1 + |x|): draws long tails in, on both sides of 0.
 *
 * @example pipeline([on(["income"], logTransform(), standardScale())]);
 */
export const logTransform = (): Transform => ({ operation: logTransforming, fit: () => ({}) });

function yeoJohnson(x: number, lambda: number): number {
  if (x >= 0) return Math.abs(lambda) < 1e-12 ? Math.log1p(x) : Math.expm1(lambda * Math.log1p(x)) / lambda;
  const other = 2 - lambda;
  return Math.abs(other) < 1e-12 ? -Math.log1p(-x) : -Math.expm1(other * Math.log1p(-x)) / other;
}

/** Log-likelihood of a normal distribution of the transformed values, up to a constant. */
function likelihood(values: Float64Array, lambda: number): number {
  const transformed = values.map((value) => yeoJohnson(value, lambda));
  const mean = transformed.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = transformed.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const jacobian = values.reduce((sum, value) => sum + Math.sign(value) * Math.log1p(Math.abs(value)), 0);
  const result = -(values.length / 2) * Math.log(variance) + (lambda - 1) * jacobian;
  return Number.isFinite(result) ? result : Number.NEGATIVE_INFINITY;
}

/** Where a function of one peak is largest, by golden sections. */
function peak(f: (x: number) => number, from: number, to: number): number {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [a, b] = [from, to];
  let [c, d] = [b - ratio * (b - a), a + ratio * (b - a)];
  let [fc, fd] = [f(c), f(d)];
  while (b - a > 1e-9) {
    if (fc >= fd) {
      [b, d, fd] = [d, c, fc];
      c = b - ratio * (b - a);
      fc = f(c);
    } else {
      [a, c, fc] = [c, d, fd];
      d = a + ratio * (b - a);
      fd = f(d);
    }
  }
  return (a + b) / 2;
}

/**
 * ((x + 1)^lambda - 1) / lambda for x >= 0, and -((1 - x)^(2 - lambda) - 1) / (2 - lambda) below, with the lambda in [-8, 8] that makes
 * the training part most nearly normal. A constant column, and one beyond all powers, stays as it is (lambda 1).
 *
 * @example pipeline([on({ kind: "number" }, powerTransform(), standardScale())]);
 * @see Yeo and Johnson, "A new family of power transformations to improve normality or symmetry", 2000
 */
export const powerTransform = (): Transform => ({
  operation: powerTransforming,
  fit(column) {
    const values = sortedValues(column);
    if (values.length === 0 || values[0] === values.at(-1)) return { lambda: 1 };
    const lambda = peak((at) => likelihood(values, at), -8, 8);
    // Of values so large that no power of them has room, none is better than another.
    return { lambda: Number.isFinite(likelihood(values, lambda)) ? lambda : 1 };
  },
});

export interface ClipOutliersOptions {
  /** The quantiles of the training part that values are clipped to. Default [0.01, 0.99]. */
  readonly quantiles?: readonly [low: number, high: number];
  /** In place of quantiles: clips beyond so many interquartile ranges from the quartiles (Tukey's fences; 1.5 is usual). */
  readonly fences?: number;
}

const clipOptions = optionNames<ClipOutliersOptions>({ quantiles: true, fences: true });

/**
 * min(max(x, low), high), with bounds from the training part.
 *
 * @throws ConfigError for quantiles that are not 0 <= low < high <= 1, or fences below 0.
 * @example pipeline([on({ kind: "number" }, clipOutliers({ fences: 1.5 }), standardScale())]);
 */
export function clipOutliers(options: ClipOutliersOptions = {}): Transform {
  rejectUnknown("clipOutliers", options, clipOptions);
  const { fences, quantiles = [0.01, 0.99] } = options;
  const [low, high] = quantiles;
  if (!(low >= 0 && low < high && high <= 1)) {
    throw new ConfigError(`clipOutliers: quantiles must be 0 <= low < high <= 1; got ${low} and ${high}.`);
  }
  if (fences !== undefined && !(fences >= 0 && Number.isFinite(fences))) {
    throw new ConfigError(`clipOutliers: fences must be a number of at least 0; got ${fences}.`);
  }
  return {
    operation: outlierClipping,
    fit(column) {
      const sorted = sortedValues(column);
      if (fences === undefined) return { low: quantile(sorted, low), high: quantile(sorted, high) };
      const [first, third] = [quantile(sorted, 0.25), quantile(sorted, 0.75)];
      return { low: first - fences * (third - first), high: third + fences * (third - first) };
    },
  };
}
