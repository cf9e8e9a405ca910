/** The confusion matrix, and what follows from it for each class. */
import { ConfigError, DataError } from "../../util/index.ts";
import { type Numbers, requireLabels } from "./arrays.ts";

/**
 * matrix[t][p]: rows of class t that were predicted to be p, as scikit-learn's confusion_matrix.
 * @throws DataError when lengths differ, or for a class out of range, naming its row; ConfigError unless there is a class.
 * @example exact.confusionMatrix(await logits.argmax(-1).data(), await labels.data(), 10);
 */
export function confusionMatrix(predictions: Numbers, labels: Numbers, classes: number): number[][] {
  if (!Number.isInteger(classes) || classes < 1) {
    throw new ConfigError(`confusionMatrix: classes must be a positive whole number; got ${classes}.`);
  }
  requireLabels("confusionMatrix", labels, predictions.length, classes);
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let row = 0; row < labels.length; row++) {
    const counts = matrix[labels[row] as number] as number[];
    const guess = predictions[row] as number;
    if (counts[guess] === undefined) {
      throw new DataError(
        `confusionMatrix: predictions must be whole numbers in [0, ${classes}); row ${row} has ${guess}.`,
      );
    }
    counts[guess]++;
  }
  return matrix;
}

/** A number for each class. */
export interface ClassScores {
  readonly precision: readonly number[];
  readonly recall: readonly number[];
  readonly f1: readonly number[];
  /** Rows of the class. */
  readonly support: readonly number[];
}

/**
 * Precision, recall, F1 and rows of each class, 0 where there is nothing to divide by, as scikit-learn's precision_recall_fscore_support.
 * @throws as `confusionMatrix`.
 * @example const { f1 } = exact.classScores(predictions, labels, 10);
 */
export function classScores(predictions: Numbers, labels: Numbers, classes: number): ClassScores {
  const matrix = confusionMatrix(predictions, labels, classes);
  const hits = matrix.map((counts, c) => counts[c] as number);
  const support = matrix.map((counts) => counts.reduce((a, b) => a + b));
  const predicted = matrix.map((_, c) => matrix.reduce((sum, counts) => sum + (counts[c] as number), 0));
  const ratio = (a: number, b: number | undefined) => (b ? a / b : 0);
  return {
    precision: hits.map((n, c) => ratio(n, predicted[c])),
    recall: hits.map((n, c) => ratio(n, support[c])),
    f1: hits.map((n, c) => ratio(2 * n, (predicted[c] as number) + (support[c] as number))),
    support,
  };
}
