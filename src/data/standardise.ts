/** Column-wise standardisation, fitted on training data only and then applied to any. */
import { DataError, formatShape } from "../util/index.ts";
import { Dataset } from "./dataset.ts";
import { rowSize } from "./host.ts";

/** Means and standard deviations by column, as fitted by `standardise`. */
export interface Standardiser {
  readonly mean: Float64Array;
  /** Population standard deviation; 1 for a constant column, which then becomes 0 and not NaN. */
  readonly std: Float64Array;
  /** (x - mean) / std. Throws DataError when the columns differ in number. */
  apply(data: Dataset): Dataset;
}

/**
 * Fits mean and standard deviation of every column of x, in f64 (two passes), for `apply` to any data of as many columns.
 *
 * Throws DataError unless x is f32.
 *
 * @example
 * const scale = standardise(train); // fitted on train only: the test set must not leak into it
 * const [a, b] = [scale.apply(train), scale.apply(test)];
 */
export function standardise(train: Dataset): Standardiser {
  const width = rowSize(train.x);
  const { data } = train.x;
  if (train.x.dtype !== "f32") throw new DataError(`standardise: x must be f32; got ${train.x.dtype}.`);
  const mean = new Float64Array(width);
  const std = new Float64Array(width);
  for (let i = 0; i < data.length; i++) mean[i % width] = (mean[i % width] as number) + (data[i] as number);
  for (let column = 0; column < width; column++) mean[column] = (mean[column] as number) / train.length;
  for (let i = 0; i < data.length; i++) {
    const column = i % width;
    std[column] = (std[column] as number) + ((data[i] as number) - (mean[column] as number)) ** 2;
  }
  for (let column = 0; column < width; column++) {
    const deviation = Math.sqrt((std[column] as number) / train.length);
    std[column] = deviation === 0 ? 1 : deviation;
  }
  return {
    mean,
    std,
    apply(target) {
      if (target.x.dtype !== "f32" || rowSize(target.x) !== width) {
        throw new DataError(
          `standardise: x must be f32 with the ${width} columns it was fitted on; got ${target.x.dtype}${formatShape(target.x.shape)}.`,
        );
      }
      const { data: values } = target.x;
      const scaled = new Float32Array(values.length);
      for (let i = 0; i < scaled.length; i++) {
        const column = i % width;
        scaled[i] = ((values[i] as number) - (mean[column] as number)) / (std[column] as number);
      }
      return new Dataset({ dtype: "f32", shape: target.x.shape, data: scaled }, target.y);
    },
  };
}
