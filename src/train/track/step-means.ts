/** Means over the rows of several stretches of steps, and how fast they went. */
import type { Events, Scores } from "../events.ts";

export class StepMeans {
  #rows = 0;
  #seconds = 0;
  #waiting = 0;
  #sums: Record<string, number> = {};

  add({ recent, rows, seconds, waiting }: Events["stepEnd"]): void {
    this.#rows += rows;
    this.#seconds += seconds;
    this.#waiting += waiting;
    for (const [name, value] of Object.entries(recent))
      this.#sums[name] = (this.#sums[name] ?? 0) + value * rows;
  }

  /** Of all since it was last asked; null where there was nothing. */
  take(): { train: Scores; samplesPerSecond: number; waiting: number } | null {
    if (this.#rows === 0) return null;
    const [rows, seconds, waiting] = [this.#rows, this.#seconds, this.#waiting];
    const train = Object.fromEntries(Object.entries(this.#sums).map(([name, sum]) => [name, sum / rows]));
    [this.#rows, this.#seconds, this.#waiting, this.#sums] = [0, 0, 0, {}];
    return {
      train: train as Scores,
      samplesPerSecond: seconds > 0 ? Math.round(rows / seconds) : 0,
      waiting: seconds > 0 ? Number((waiting / seconds).toFixed(4)) : 0,
    };
  }
}
