/** k-fold cross-validation: every row is held back once. */
import { ConfigError, DataError, optionNames, rejectUnknown } from "../../util/index.ts";
import { equalFolds, rowsOf, wholeGroups } from "./assign.ts";
import { readSplit, type SplitOptions, splitOptionNames } from "./options.ts";
import { type Splittable, selectRows, type TrainingPart, trainingPart } from "./part.ts";

export interface KFoldOptions extends SplitOptions {
  /** At least 2. Default 5. */
  readonly folds?: number;
}

const kFoldOptions = optionNames<KFoldOptions>({ ...splitOptionNames, folds: true });

/** One round of cross-validation. */
export interface Fold<D extends Splittable> {
  readonly train: TrainingPart<D>;
  /** The rows held back. */
  readonly test: D;
  /** Which rows those are, in increasing order. */
  readonly rows: { readonly train: Int32Array; readonly test: Int32Array };
}

/**
 * Cuts the rows into `folds` parts, each of which is held back once while the others are for training.
 *
 * Folds are equal to within a row, stratified ones in every class too; grouped ones are filled with the largest groups first. In order,
 * the rows are cut into folds + 1 stretches, and round i trains on the first i to test on the next, so that no round sees the future.
 *
 * @throws ConfigError for wrong options, DataError where a fold would be empty.
 * @example for (const { train, test } of kFold(table, { folds: 5, stratify: "species" })) console.log(train.data.length, test.length);
 * @see Stone, "Cross-validatory choice and assessment of statistical predictions", 1974
 */
export function kFold<D extends Splittable>(data: D, options: KFoldOptions = {}): Fold<D>[] {
  rejectUnknown("kFold", options, kFoldOptions);
  const { folds = 5 } = options;
  if (!Number.isSafeInteger(folds) || folds < 2) {
    throw new ConfigError(`kFold: folds must be a whole number of at least 2; got ${folds}.`);
  }
  const { seed, strata, groups, inOrder } = readSplit("kFold", data, options);
  const { length } = data;
  if (length < folds + (inOrder ? 1 : 0)) {
    throw new DataError(`kFold: there must be a row for each of ${folds} folds; got ${length} rows.`);
  }
  const parts = inOrder
    ? Int32Array.from({ length }, (_, row) => Math.floor((row * (folds + 1)) / length))
    : groups
      ? wholeGroups(groups, new Array<number>(folds).fill(1 / folds), seed)
      : equalFolds(length, folds, strata, seed);
  return Array.from({ length: folds }, (_, fold) => {
    const held = inOrder ? fold + 1 : fold;
    const rows = {
      train: rowsOf(parts, (part) => (inOrder ? part < held : part !== held)),
      test: rowsOf(parts, (part) => part === held),
    };
    if (rows.test.length === 0 || rows.train.length === 0) {
      throw new DataError(`kFold: every fold must have a row; fold ${fold + 1} has none. Use fewer folds.`);
    }
    return {
      train: trainingPart(selectRows(data, rows.train)),
      test: selectRows(data, rows.test),
      rows,
    };
  });
}
