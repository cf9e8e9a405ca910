/** How far a round can go: measured seconds turn a share of the budget into rows, equally many for every setting. */

export class Pace {
  readonly #secondsPerRow = new Map<number, number>();
  #evaluation = 0;
  #setUp: number | null = null;

  /** `trial` trained on `rows` more rows, and a measurement took `evaluated`. */
  note(trial: number, rows: number, leg: { readonly trained: number; readonly evaluated: number }): void {
    if (rows > 0 && leg.trained > 0) this.#secondsPerRow.set(trial, leg.trained / rows);
    if (leg.evaluated > 0) this.#evaluation = leg.evaluated;
  }

  /** What a new trial took besides training and measuring: a model, its compilation. The least counts: the first waits for its lane. */
  noteSetUp(seconds: number): void {
    this.#setUp = Math.max(0, Math.min(seconds, this.#setUp ?? seconds));
  }

  /** Rows for each of the trials that `lanes` lanes train within `seconds`; below 0 where there is no time at all. */
  afford(trials: readonly number[], { seconds, lanes, measurements, fresh = false }: Share): number {
    // Lanes that have nothing left to do wait for the others.
    const atOnce = trials.length / Math.ceil(trials.length / lanes);
    const each = measurements * this.#evaluation + (fresh ? (this.#setUp ?? 0) : 0);
    const perRow = trials.reduce((sum, trial) => sum + (this.#secondsPerRow.get(trial) ?? 0), 0);
    return perRow === 0 ? 0 : (seconds * atOnce - trials.length * each) / perRow;
  }
}

export interface Share {
  readonly seconds: number;
  readonly lanes: number;
  /** Of each trial. */
  readonly measurements: number;
  /** Whether they have to be set up. */
  readonly fresh?: boolean;
}

/**
 * The largest of 4, 5, 6 and 7 times a power of two that is not above `value` (whole numbers below 4 as they are): times that differ
 * a little from one race to the next come to the same number of rows.
 */
export function roundDown(value: number): number {
  if (value < 8) return Math.floor(value);
  const unit = 2 ** (Math.floor(Math.log2(value)) - 2);
  return Math.floor(value / unit) * unit;
}
