/** Scaling of numbers: to mean 0 and deviation 1, to a range, by median and quartiles. */
import { z } from "zod";
import { ConfigError, optionNames, rejectUnknown } from "../../util/index.ts";
import { pointwise, quantile, sortedValues, type Transform } from "./operation.ts";

const affine = z.strictObject({ centre: z.number(), scale: z.number().positive() });
const scaled =
  ({ centre, scale }: z.infer<typeof affine>) =>
  (value: number) =>
    (value - centre) / scale;

export const standardScaling = pointwise("standardScale", affine, scaled);
export const robustScaling = pointwise("robustScale", affine, scaled);
export const minMaxScaling = pointwise(
  "minMaxScale",
  z.strictObject({ min: z.number(), size: z.number().positive(), low: z.number(), high: z.number() }),
  ({ min, size, low, high }) =>
    (value) =>
      low + ((value - min) / size) * (high - low),
);

/** A constant column becomes 0 everywhere instead of NaN. */
const orOne = (size: number): number => (size > 0 && Number.isFinite(size) ? size : 1);

/** Mean and population deviation, in two passes; of none 0 and 1. A deviation that is rounding alone counts as none. */
export function meanAndDeviation(values: Float64Array): { centre: number; scale: number } {
  if (values.length === 0) return { centre: 0, scale: 1 };
  const centre = values.reduce((sum, value) => sum + value, 0) / values.length;
  // In units of the largest difference, whose square may have no room.
  const most = orOne(values.reduce((max, value) => Math.max(max, Math.abs(value - centre)), 0));
  const squares = values.reduce((sum, value) => sum + ((value - centre) / most) ** 2, 0);
  const deviation = most * Math.sqrt(squares / values.length);
  const isRounding = deviation <= values.length * Number.EPSILON * Math.abs(centre);
  return { centre, scale: isRounding ? 1 : orOne(deviation) };
}

/**
 * (x - mean) / deviation, with the population deviation of the training part; a constant column becomes 0. Missing values stay missing.
 *
 * @example const fitted = pipeline([on({ kind: "number" }, standardScale())]).fit(train);
 */
export const standardScale = (): Transform => ({
  operation: standardScaling,
  fit: (column) => meanAndDeviation(sortedValues(column)),
});

/**
 * (x - median) / (third quartile - first), which outliers hardly move; where the quartiles are equal, x - median.
 *
 * @example pipeline([on(["income", "area"], robustScale())]);
 */
export const robustScale = (): Transform => ({
  operation: robustScaling,
  fit(column) {
    const sorted = sortedValues(column);
    return {
      centre: quantile(sorted, 0.5),
      scale: orOne(quantile(sorted, 0.75) - quantile(sorted, 0.25)),
    };
  },
});

export interface MinMaxScaleOptions {
  /** What the training part's smallest and largest value become. Default [0, 1]. */
  readonly range?: readonly [low: number, high: number];
}

const minMaxOptions = optionNames<MinMaxScaleOptions>({ range: true });

/**
 * low + (x - min) / (max - min) * (high - low), with min and max of the training part: later values may lie outside the range.
 *
 * @throws ConfigError unless low < high.
 * @example pipeline([on({ kind: "number" }, minMaxScale({ range: [-1, 1] }))]);
 */
export function minMaxScale(options: MinMaxScaleOptions = {}): Transform {
  rejectUnknown("minMaxScale", options, minMaxOptions);
  const [low, high] = options.range ?? [0, 1];
  if (!(Number.isFinite(low) && Number.isFinite(high) && low < high)) {
    throw new ConfigError(
      `minMaxScale: range must be two numbers, the smaller first; got ${low} and ${high}.`,
    );
  }
  return {
    operation: minMaxScaling,
    fit(column) {
      const sorted = sortedValues(column);
      const [min = 0, max = min] = [sorted[0], sorted.at(-1)];
      return { min, size: orOne(max - min), low, high };
    },
  };
}
