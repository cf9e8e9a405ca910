/** Areas under curves of all scores at once, in f64. */
import { DataError } from "../../util/index.ts";
import { type Numbers, requireLabels, requireNumbers } from "./arrays.ts";

/**
 * The chance that a positive scores above a negative, ties counting half. scores: [rows] with labels of 0 and 1, or [rows * classes]
 * row by row (as `data()` of [rows, classes]) with class numbers: then the mean over classes, each against the rest, as scikit-learn's
 * roc_auc_score with multi_class="ovr". NaN where a class has no row, or all of them.
 * Scores rank only: logits do for yes and no; for classes take probabilities, as the same logit means more or less in other rows.
 * @throws DataError when lengths do not fit, or for a label out of range or a NaN, naming its place.
 * @example exact.rocAuc(await sigmoid(logits).data(), await labels.data());
 */
export const rocAuc = (scores: Numbers, labels: Numbers): number =>
  againstRest("rocAuc", scores, labels, (ranked) => {
    let [pairs, positives, negatives] = [0, 0, 0]; // ranked from the highest score on
    for (const { right, wrong } of ranked) {
      pairs += wrong * (positives + right / 2);
      positives += right;
      negatives += wrong;
    }
    return positives * negatives === 0 ? Number.NaN : pairs / (positives * negatives);
  });

/**
 * Average precision: the sum over score levels, from the highest, of (recall gained) * (precision so far), as scikit-learn's
 * average_precision_score. Arguments and errors as `rocAuc`; NaN where a class has no row.
 */
export const prAuc = (scores: Numbers, labels: Numbers): number =>
  againstRest("prAuc", scores, labels, (ranked) => {
    let [area, found, positives] = [0, 0, 0];
    for (const { right, wrong } of ranked) {
      found += right + wrong;
      positives += right;
      area += right * (positives / found);
    }
    return positives === 0 ? Number.NaN : area / positives;
  });

/** Rows of one score: how many are positives, how many not. */
interface Level {
  right: number;
  wrong: number;
}

function againstRest(
  op: string,
  scores: Numbers,
  labels: Numbers,
  area: (ranked: readonly Level[]) => number,
): number {
  const rows = labels.length;
  const curves = scores.length / rows;
  if (rows === 0 || !Number.isInteger(curves) || curves === 0) {
    throw new DataError(
      `${op}: there must be a score, or one for each class, for each label; got ${scores.length} scores and ${rows} labels.`,
    );
  }
  requireNumbers(op, "scores", scores);
  requireLabels(op, labels, rows, curves === 1 ? 2 : curves);
  let sum = 0;
  for (let curve = 0; curve < curves; curve++) {
    const own = Float64Array.from({ length: rows }, (_, row) => scores[row * curves + curve] as number);
    sum += area(ranking(own, labels, curves === 1 ? 1 : curve));
  }
  return sum / curves;
}

/** The levels of scores, the highest first. */
function ranking(scores: Float64Array, labels: Numbers, positive: number): Level[] {
  const order = Uint32Array.from(scores, (_, row) => row).sort(
    (a, b) =>
      Number((scores[b] as number) > (scores[a] as number)) -
      Number((scores[b] as number) < (scores[a] as number)),
  );
  const levels: Level[] = [];
  let last = Number.NaN;
  for (const row of order) {
    if (scores[row] !== last) levels.push({ right: 0, wrong: 0 });
    last = scores[row] as number;
    const level = levels[levels.length - 1] as Level;
    if (labels[row] === positive) level.right++;
    else level.wrong++;
  }
  return levels;
}
