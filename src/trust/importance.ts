/** permutationImportance: what a model loses when a feature's values change places between rows. */
import { type Dataset, type HostArray, permutation, toTensor } from "../data/index.ts";
import type { Tensor } from "../engine/tensor/index.ts";
import { type Metric, type MetricName, smallerIsBetter } from "../metrics/index.ts";
import {
  ConfigError,
  DataError,
  optionNames,
  rejectUnknown,
  type Shape,
  ShapeError,
  sizeOf,
} from "../util/index.ts";
import { checkRows, checkWhole } from "./checks.ts";
import { measure, metricOf } from "./measure.ts";

/** What is permuted together: places in a row, counted in row-major order. */
export interface Feature {
  readonly name: string;
  readonly columns: readonly number[];
}

export interface ImportanceOptions {
  /** By name, or your own with options, as in `f1({ classes: 10 })`. */
  readonly metric: MetricName | Metric;
  /** Permutations of each feature. Default 5. */
  readonly repeats?: number;
  /** Default 0. */
  readonly seed?: number;
  /** Names of the columns of a row in their order, or features of several columns each. Default: each column, named by its number. */
  readonly features?: readonly string[] | readonly Feature[];
}

const known = optionNames<ImportanceOptions>({ metric: true, repeats: true, seed: true, features: true });

export interface Importance {
  readonly name: string;
  /** How much worse the metric is on average, whichever way is worse: about 0 where the feature does not matter. */
  readonly mean: number;
  /** Standard deviation over the repeats (of a sample; 0 for one). */
  readonly deviation: number;
  /** Of each repeat. */
  readonly values: readonly number[];
}

export interface PermutationImportance {
  readonly metric: string;
  /** Of the data as they are. */
  readonly baseline: number;
  /** In the order of `features`. */
  readonly features: readonly Importance[];
}

/**
 * The metric of the data less that of the data with a feature's values in another order of rows, for each feature and repeat; for errors
 * the other way round, so that larger always matters more. Repeat r permutes each feature by the same order, so that they compare.
 * Of two features that tell the same, each can look unimportant: permute them together as one feature.
 * Breiman, "Random forests", 2001; Fisher, Rudin and Dominici 2019.
 * @param predict from rows [n, ...] to outputs, as the metric takes them: logits for classes.
 * @throws ConfigError for unknown metrics, options and columns that are not there; DataError for fewer than two rows; ShapeError where
 * there are not as many names as columns.
 * @example
 * const { features } = await permutationImportance((x) => predict(model, x), test, { metric: "accuracy", features: names });
 */
export async function permutationImportance(
  predict: (x: Tensor) => Tensor | Promise<Tensor>,
  data: Dataset,
  options: ImportanceOptions,
): Promise<PermutationImportance> {
  const op = "permutationImportance";
  rejectUnknown(op, options, known);
  const { repeats = 5, seed = 0 } = options;
  checkWhole(op, "repeats", repeats, 1);
  checkWhole(op, "seed", seed, 0);
  const metric = metricOf(op, options.metric);
  const rows = data.length;
  if (rows < 2) throw new DataError(`${op}: there must be two rows that can change places; got ${rows}.`);
  const width = sizeOf(data.x.shape.slice(1));
  const features = featuresOf(op, width, options.features);
  const y = toTensor(data.y);
  const score = async (x: HostArray): Promise<number> => {
    const outputs = await predict(toTensor(x));
    checkRows(op, "predictions", outputs.shape[0] ?? 0, rows);
    return measure(metric, outputs, y);
  };
  const baseline = await score(data.x);
  const sign = smallerIsBetter(metric.name) ? -1 : 1;
  const orders = Array.from({ length: repeats }, (_, repeat) => permutation(rows, seed, repeat));
  const found: Importance[] = [];
  for (const { name, columns } of features) {
    const values: number[] = [];
    for (const order of orders) {
      values.push(sign * (baseline - (await score(permuted(data.x, width, columns, order)))));
    }
    const mean = values.reduce((sum, value) => sum + value, 0) / repeats;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    found.push({ name, mean, deviation: Math.sqrt(squares / Math.max(repeats - 1, 1)), values });
  }
  return { metric: metric.name, baseline, features: found };
}

/** A copy whose columns come from other rows. */
function permuted(x: HostArray, width: number, columns: readonly number[], order: Int32Array): HostArray {
  const from = x.data;
  const to = from.slice();
  for (const [row, other] of order.entries()) {
    for (const column of columns) to[row * width + column] = from[other * width + column] as number;
  }
  return { dtype: x.dtype, shape: x.shape, data: to } as HostArray;
}

function featuresOf(op: string, width: number, asked: ImportanceOptions["features"]): readonly Feature[] {
  if (asked === undefined)
    return Array.from({ length: width }, (_, at) => ({ name: String(at), columns: [at] }));
  if (asked.every((one) => typeof one === "string")) {
    if (asked.length !== width) {
      throw new ShapeError(`${op}: there must be a name for each of ${width} columns; got ${asked.length}.`);
    }
    return asked.map((name, at) => ({ name, columns: [at] }));
  }
  const features = asked as readonly Feature[];
  for (const { name, columns } of features) {
    const wrong = columns.find((column) => !Number.isInteger(column) || column < 0 || column >= width);
    if (wrong !== undefined || columns.length === 0) {
      throw new ConfigError(
        `${op}: the feature "${name}" must name columns in [0, ${width}); got ${wrong ?? "none"}.`,
      );
    }
  }
  return features;
}

/**
 * The squares of images [height, width, channels] as features of `permutationImportance`, all channels together; those at the far edges
 * may be smaller.
 * @throws ShapeError unless the shape has three axes; ConfigError unless `size` is a whole number of at least 1.
 * @example permutationImportance(classify, images, { metric: "accuracy", features: patches([28, 28, 1], 7) });
 */
export function patches(shape: Shape, size: number): Feature[] {
  checkWhole("patches", "size", size, 1);
  const [height, width, channels] = shape;
  if (shape.length !== 3 || height === undefined || width === undefined || channels === undefined) {
    throw new ShapeError(`patches: the shape must be [height, width, channels]; got [${shape}].`);
  }
  const found: Feature[] = [];
  for (let top = 0; top < height; top += size) {
    for (let left = 0; left < width; left += size) {
      const columns: number[] = [];
      for (let y = top; y < Math.min(top + size, height); y++) {
        for (let x = left; x < Math.min(left + size, width); x++) {
          for (let c = 0; c < channels; c++) columns.push((y * width + x) * channels + c);
        }
      }
      found.push({ name: `row ${top}, column ${left}`, columns });
    }
  }
  return found;
}
