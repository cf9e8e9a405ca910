/** Scores and labels on the host: what must hold of them. */
import { DataError } from "../../util/index.ts";

/** A typed array as `await tensor.data()` gives, or a list. */
export type Numbers = ArrayLike<number>;

/** Throws DataError unless the labels, as many as rows, are whole numbers in [0, classes), naming the first that is not. */
export function requireLabels(op: string, labels: Numbers, rows: number, classes: number): void {
  if (labels.length !== rows) {
    throw new DataError(`${op}: there must be a label for each row; got ${labels.length} for ${rows} rows.`);
  }
  for (let row = 0; row < rows; row++) {
    const label = labels[row] as number;
    if (Number.isInteger(label) && label >= 0 && label < classes) continue;
    throw new DataError(`${op}: labels must be whole numbers in [0, ${classes}); row ${row} has ${label}.`);
  }
}

/** Throws DataError for a NaN, naming its place. */
export function requireNumbers(op: string, what: string, values: Numbers): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) throw new DataError(`${op}: ${what} must be numbers; element ${i} is NaN.`);
  }
}
