/** Ends a run whose loss no longer falls appreciably. */
import { ConfigError } from "../util/index.ts";
import type { Callback } from "./events.ts";
import { readMonitor } from "./monitor.ts";

export interface ConvergenceOptions {
  /** What should fall, as in `train.loss` (the default). */
  readonly monitor?: string;
  /** Epochs in each of the two windows compared; default 5. */
  readonly window?: number;
  /** A fall of less than this part of the older mean is none; default 1e-3. */
  readonly tolerance?: number;
}

/**
 * Ends a run when the mean of the last `window` epochs is not at least `tolerance` (as a part of it) below the mean of the `window`
 * epochs before: (m1 - m2) / |m1| < tolerance. Single epochs go up and down with the noise of the batches; means of several do less,
 * so that one bad epoch ends nothing and one lucky one hides nothing. It needs 2 window epochs, and goes on counting after a resume.
 *
 * Throws ConfigError for values out of range and when there is no such value, naming the nearest there is.
 *
 * @example new Trainer({ ..., callbacks: [convergence({ window: 10, tolerance: 1e-4 })] });
 */
export function convergence(options: ConvergenceOptions = {}): Callback {
  const { monitor = "train.loss", window = 5, tolerance = 1e-3 } = options;
  if (!Number.isInteger(window) || window < 1) {
    throw new ConfigError(`convergence: window must be a whole number of at least 1; got ${window}.`);
  }
  if (!(tolerance >= 0))
    throw new ConfigError(`convergence: tolerance must be at least 0; got ${tolerance}.`);
  let values: number[] = [];
  const mean = (from: number, to?: number) => values.slice(from, to).reduce((sum, x) => sum + x, 0) / window;
  return {
    name: "convergence",
    start({ history }) {
      values = history.map((record) => readMonitor("convergence", record, monitor));
    },
    rollback({ history }) {
      values.length = history.length;
    },
    epochEnd({ record }, run) {
      values.push(readMonitor("convergence", record, monitor));
      if (values.length < 2 * window) return;
      const [before, now] = [mean(-2 * window, -window), mean(-window)];
      const fall = before - now;
      if (fall >= tolerance * Math.abs(before) && fall > 0) return;
      run.stop(
        `${monitor} no longer falls: its mean of ${window} epochs went from ${before.toPrecision(4)} to ${now.toPrecision(4)}`,
      );
    },
  };
}
