/** The training part of data: what anything may be fitted on. Only splits make one, so that rows held back cannot leak into a fit. */
import { ConfigError, DataError } from "../../util/index.ts";
import type { Dataset } from "../dataset.ts";
import { Table } from "../table/table.ts";

/** What splits cut: tables and data sets in memory. */
export type Splittable = Table | Dataset;

let make: <D extends Splittable>(data: D) => TrainingPart<D>;

/** Rows to fit on. Its constructor is private: `trainTestSplit`, `kFold` and their like make one, or `allForTraining`. */
export class TrainingPart<D extends Splittable = Splittable> {
  readonly #data: D;

  private constructor(data: D) {
    this.#data = data;
  }

  static {
    make = (data) => new TrainingPart(data);
  }

  /** The rows themselves. */
  get data(): D {
    return this.#data;
  }

  /** The part without a column: what is fitted on features never sees the target. Throws ConfigError where there is no such column. */
  without(this: TrainingPart<Table>, column: string): TrainingPart<Table> {
    if (this.data instanceof Table) return make(this.data.drop([column]));
    throw new ConfigError("TrainingPart.without: must be of a Table.");
  }

  /** Throws ConfigError for what is no training part, also where the types were circumvented. */
  static check(op: string, value: unknown): void {
    if (typeof value === "object" && value !== null && #data in value) return;
    throw new ConfigError(
      `${op}: must be given the training part that a split makes, as in trainTestSplit(table).train; got ${typeof value}. Where all rows are for training, say so with allForTraining(table).`,
    );
  }
}

/** For the split functions alone: data/index.ts does not export it. */
export const trainingPart = <D extends Splittable>(data: D): TrainingPart<D> => make(data);

/**
 * All rows are for training: said aloud, since whatever is measured on any of them later is then no measure of new data.
 *
 * @throws DataError when there is no row.
 * @example const fitted = pipeline([standardise()]).fit(allForTraining(table));
 */
export function allForTraining<D extends Splittable>(data: D): TrainingPart<D> {
  if (data.length === 0) throw new DataError("allForTraining: there must be at least one row; got none.");
  return make(data);
}

/** Those rows, as data of the same kind. */
export function selectRows<D extends Splittable>(data: D, rows: Int32Array): D {
  // select keeps the kind, which TypeScript cannot see through a union.
  return data.select(rows) as D;
}
