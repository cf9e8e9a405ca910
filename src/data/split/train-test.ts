/** Train, validation and test parts of one table or data set. */
import { ConfigError, DataError, optionNames, rejectUnknown } from "../../util/index.ts";
import { proportional, rowsOf, wholeGroups } from "./assign.ts";
import { readSplit, type SplitOptions, splitOptionNames } from "./options.ts";
import { type Splittable, selectRows, type TrainingPart, trainingPart } from "./part.ts";

export interface TrainTestOptions extends SplitOptions {
  /** The share of rows held back for testing, in (0, 1). Default 0.2. */
  readonly test?: number;
}

export interface TrainValidationTestOptions extends SplitOptions {
  /** The share of rows for choosing (when to stop, which setting), in (0, 1). Default 0.15. */
  readonly validation?: number;
  /** The share of rows held back for testing, in (0, 1). Default 0.15. */
  readonly test?: number;
}

const trainTestOptions = optionNames<TrainTestOptions>({ ...splitOptionNames, test: true });
const threeWayOptions = optionNames<TrainValidationTestOptions>({
  ...splitOptionNames,
  validation: true,
  test: true,
});

/**
 * Two parts of the rows, drawn by a seed: `round(test * n)` rows for testing, the others for training, in the order they had.
 *
 * Stratified parts have their share of every class to within a row; grouped ones are as near to it as whole groups allow; in order,
 * the last rows are for testing.
 *
 * @throws ConfigError for wrong options, DataError where a part would be empty.
 * @example const { train, test } = trainTestSplit(table, { test: 0.25, stratify: "species" });
 */
export function trainTestSplit<D extends Splittable>(
  data: D,
  options: TrainTestOptions = {},
): { train: TrainingPart<D>; test: D } {
  rejectUnknown("trainTestSplit", options, trainTestOptions);
  const { test = 0.2 } = options;
  const [train, held] = cut("trainTestSplit", data, options, { test }) as [D, D];
  return { train: trainingPart(train), test: held };
}

/**
 * Three parts of the rows; as `trainTestSplit`, with a part for validation.
 *
 * @throws ConfigError for wrong options, DataError where a part would be empty.
 * @example const { train, validation, test } = trainValidationTestSplit(table, { stratify: "price", seed: 1 });
 */
export function trainValidationTestSplit<D extends Splittable>(
  data: D,
  options: TrainValidationTestOptions = {},
): { train: TrainingPart<D>; validation: D; test: D } {
  rejectUnknown("trainValidationTestSplit", options, threeWayOptions);
  const { validation = 0.15, test = 0.15 } = options;
  const shares = { validation, test };
  const parts = cut("trainValidationTestSplit", data, options, shares) as [D, D, D];
  return { train: trainingPart(parts[0]), validation: parts[1], test: parts[2] };
}

/** The training part, then a part for each share. */
function cut<D extends Splittable>(
  op: string,
  data: D,
  options: SplitOptions,
  held: Readonly<Record<string, number>>,
): D[] {
  const sum = Object.values(held).reduce((total, share) => total + share, 0);
  for (const [name, share] of Object.entries(held)) {
    if (!(share > 0 && share < 1)) {
      throw new ConfigError(`${op}: ${name} must be a share between 0 and 1; got ${share}.`);
    }
  }
  if (sum >= 1) throw new ConfigError(`${op}: shares must leave rows for training; they add up to ${sum}.`);
  const { seed, strata, groups, inOrder } = readSplit(op, data, options);
  const names = ["train", ...Object.keys(held)];
  const shares = [1 - sum, ...Object.values(held)];
  const parts = inOrder
    ? consecutive(data.length, shares)
    : groups
      ? wholeGroups(groups, shares, seed)
      : proportional(data.length, shares, strata, seed);
  return names.map((name, part) => {
    const rows = rowsOf(parts, (other) => other === part);
    if (rows.length > 0) return selectRows(data, rows);
    throw new DataError(
      `${op}: every part must have a row; ${name} has none of ${data.length}${groups ? " in whole groups" : ""}. Use more rows or other shares.`,
    );
  });
}

function consecutive(length: number, shares: readonly number[]): Int32Array {
  let end = 0;
  const ends = shares.map((share) => {
    end += share;
    return Math.round(end * length);
  });
  return Int32Array.from({ length }, (_, row) => ends.findIndex((last) => row < last));
}
