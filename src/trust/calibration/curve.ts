/** Calibration of probabilities on the host, in f64: the curve, its errors and the Brier score. */
import type { exact } from "../../metrics/index.ts";
import { DataError, optionNames, rejectUnknown } from "../../util/index.ts";
import { checkOneOf, checkWhole } from "../checks.ts";

type Numbers = exact.Numbers;

export interface CalibrationCurveOptions {
  /** Default 10. */
  readonly bins?: number;
  /** "uniform": equal parts of [0, 1] (default); "quantile": about as many rows in each. */
  readonly strategy?: "uniform" | "quantile";
}

const known = optionNames<CalibrationCurveOptions>({ bins: true, strategy: true });

export interface CalibrationBin {
  /** Probabilities above `low` and at most `high`; the first bin has 0 too. */
  readonly low: number;
  readonly high: number;
  readonly rows: number;
  /** Mean probability. */
  readonly predicted: number;
  /** Share of rows where it came true. */
  readonly actual: number;
}

export interface CalibrationCurve {
  /** Those with a row, the lowest first. */
  readonly bins: readonly CalibrationBin[];
  /** Expected calibration error: the mean over rows of |actual - predicted| of their bin. */
  readonly expectedError: number;
  /** The largest |actual - predicted| of a bin. */
  readonly largestError: number;
}

/** What a probability says and whether it came true, of each row. */
interface Forecast {
  readonly probability: number;
  readonly happened: number;
}

/**
 * How often what is predicted with some probability comes true. Probabilities are [rows], of class 1 with labels 0 and 1, or
 * [rows * classes] row by row with class numbers: then of the largest class, and whether it is right. The bins are scikit-learn's
 * calibration_curve; the errors those of Guo et al., "On calibration of modern neural networks", 2017.
 * @throws DataError where lengths do not fit, or for a label or probability out of range, naming the row; ConfigError for wrong options.
 * @example const { bins, expectedError } = calibrationCurve(await softmax(logits).data(), await labels.data(), { bins: 15 });
 */
export function calibrationCurve(
  probabilities: Numbers,
  labels: Numbers,
  options: CalibrationCurveOptions = {},
): CalibrationCurve {
  const op = "calibrationCurve";
  rejectUnknown(op, options, known);
  const { bins = 10, strategy = "uniform" } = options;
  checkWhole(op, "bins", bins, 1);
  checkOneOf(op, "strategy", strategy, ["uniform", "quantile"]);
  const forecasts = forecastsOf(op, probabilities, labels);
  const edges = strategy === "uniform" ? uniformEdges(bins) : quantileEdges(bins, forecasts);
  const sums = Array.from({ length: bins }, () => ({ rows: 0, predicted: 0, actual: 0 }));
  for (const { probability, happened } of forecasts) {
    // The number of inner edges below it.
    let bin = 0;
    while (bin < bins - 1 && probability > (edges[bin + 1] as number)) bin++;
    const sum = sums[bin] as (typeof sums)[number];
    sum.rows++;
    sum.predicted += probability;
    sum.actual += happened;
  }
  const found = sums.flatMap(({ rows, predicted, actual }, bin): CalibrationBin[] => {
    if (rows === 0) return [];
    const [low, high] = [edges[bin] as number, edges[bin + 1] as number];
    return [{ low, high, rows, predicted: predicted / rows, actual: actual / rows }];
  });
  const gap = ({ predicted, actual }: CalibrationBin) => Math.abs(actual - predicted);
  return {
    bins: found,
    expectedError: found.reduce((sum, bin) => sum + bin.rows * gap(bin), 0) / forecasts.length,
    largestError: Math.max(...found.map(gap)),
  };
}

const uniformEdges = (bins: number): number[] => Array.from({ length: bins + 1 }, (_, i) => i / bins);

/** Percentiles with linear interpolation between rows. */
function quantileEdges(bins: number, forecasts: readonly Forecast[]): number[] {
  const sorted = Float64Array.from(forecasts, ({ probability }) => probability).sort();
  return Array.from({ length: bins + 1 }, (_, i) => {
    const place = (i / bins) * (sorted.length - 1);
    const low = Math.floor(place);
    const value = sorted[low] as number;
    return value + (place - low) * ((sorted[low + 1] ?? value) - value);
  });
}

/**
 * The mean squared error of probabilities: (p - y)^2 for [rows] with labels 0 and 1, and the sum over classes of (p_c - y_c)^2, from 0 to
 * 2, for [rows * classes] with class numbers. As scikit-learn's brier_score_loss. Brier 1950.
 * @throws as `calibrationCurve`.
 * @example brierScore(await sigmoid(logits).data(), await labels.data());
 */
export function brierScore(probabilities: Numbers, labels: Numbers): number {
  const { rows, classes } = shapeOf("brierScore", probabilities, labels);
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const label = labels[row] as number;
    if (classes === 1) sum += ((probabilities[row] as number) - label) ** 2;
    for (let c = 0; classes > 1 && c < classes; c++) {
      sum += ((probabilities[row * classes + c] as number) - (c === label ? 1 : 0)) ** 2;
    }
  }
  return sum / rows;
}

function forecastsOf(op: string, probabilities: Numbers, labels: Numbers): Forecast[] {
  const { rows, classes } = shapeOf(op, probabilities, labels);
  return Array.from({ length: rows }, (_, row) => {
    if (classes === 1) return { probability: probabilities[row] as number, happened: labels[row] as number };
    let best = 0;
    for (let c = 1; c < classes; c++) {
      if ((probabilities[row * classes + c] as number) > (probabilities[row * classes + best] as number))
        best = c;
    }
    return {
      probability: probabilities[row * classes + best] as number,
      happened: best === labels[row] ? 1 : 0,
    };
  });
}

/** Throws DataError unless there is a probability, or one for each class, for each label, and all are in range. */
function shapeOf(op: string, probabilities: Numbers, labels: Numbers): { rows: number; classes: number } {
  const rows = labels.length;
  const classes = probabilities.length / rows;
  if (rows === 0 || !Number.isInteger(classes) || classes === 0) {
    throw new DataError(
      `${op}: there must be a probability, or one for each class, for each label; got ${probabilities.length} and ${rows} labels.`,
    );
  }
  for (let row = 0; row < rows; row++) {
    const label = labels[row] as number;
    if (!Number.isInteger(label) || label < 0 || label >= Math.max(classes, 2)) {
      throw new DataError(
        `${op}: labels must be whole numbers in [0, ${Math.max(classes, 2)}); row ${row} has ${label}.`,
      );
    }
    for (let c = 0; c < classes; c++) {
      const p = probabilities[row * classes + c] as number;
      // Softmax in f32 may round to a little above 1.
      if (!(p >= 0 && p <= 1 + 1e-6)) {
        throw new DataError(
          `${op}: probabilities must be from 0 to 1; row ${row} has ${p}. Of logits take softmax or sigmoid.`,
        );
      }
    }
  }
  return { rows, classes };
}
