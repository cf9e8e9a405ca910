/** Early stopping: ends a run that no longer gets better, and may put the best parameters back. */
import { z } from "zod";
import { ConfigError } from "../util/index.ts";
import { readState } from "./callback-state.ts";
import type { Callback, EpochRecord } from "./events.ts";
import { modeOf, readMonitor } from "./monitor.ts";

export interface EarlyStoppingOptions {
  /** What to watch, as in `validation.loss` (the default) or `validation.accuracy`. */
  readonly monitor?: string;
  /** Epochs without a better value before the run ends; default 3. */
  readonly patience?: number;
  /** A change smaller than this is no improvement; default 0. */
  readonly minDelta?: number;
  /** Whether smaller or larger is better; default: smaller for a loss and for errors by name ("rmse"), larger for anything else. */
  readonly mode?: "min" | "max";
  /** Puts the parameters of the best epoch back at the end, though not of a run that was interrupted; default true. */
  readonly restoreBest?: boolean;
}

const schema = z.object({ monitor: z.string(), best: z.number().nullable(), wait: z.int().nonnegative() });

/**
 * Ends a run when the monitored value has not improved for `patience` epochs.
 *
 * A resumed run goes on counting, and checkpoints hold the best parameters.
 *
 * Throws ConfigError when there is no such value, naming the nearest there is.
 *
 * @example new Trainer({ ..., callbacks: [earlyStopping({ monitor: "validation.accuracy", patience: 5 })] });
 * @see Prechelt, Early stopping - but when?, 1998
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  const { monitor = "validation.loss", patience = 3, minDelta = 0, restoreBest = true } = options;
  const mode = options.mode ?? modeOf(monitor);
  if (!Number.isInteger(patience) || patience < 1) {
    throw new ConfigError(`earlyStopping: patience must be a whole number of at least 1; got ${patience}.`);
  }
  if (!(minDelta >= 0)) throw new ConfigError(`earlyStopping: minDelta must be at least 0; got ${minDelta}.`);
  let best = Number.NaN;
  let wait = 0;
  let restore: (() => Promise<void>) | null = null;

  const read = (record: EpochRecord): number => readMonitor("earlyStopping", record, monitor);
  const improves = (value: number): boolean =>
    Number.isNaN(best) || (mode === "min" ? value < best - minDelta : value > best + minDelta);
  /** True when this value is the best so far. */
  const note = (value: number): boolean => {
    if (improves(value)) {
      best = value;
      wait = 0;
      return true;
    }
    wait++;
    return false;
  };

  return {
    name: "earlyStopping",
    start({ history }, run) {
      best = Number.NaN;
      wait = 0;
      restore = run.lastSnapshot();
      // All there is of a run that was saved without this callback.
      for (const record of history) note(read(record));
    },
    async epochEnd({ record }, run) {
      const value = read(record);
      if (note(value)) {
        if (restoreBest) restore = await run.snapshot();
      } else if (wait >= patience) {
        run.stop(`${monitor} has not improved on ${best} for ${wait} epochs`);
      }
    },
    async stop({ reason }) {
      // What was interrupted goes on from where it was.
      if (wait > 0 && reason !== "interrupted") await restore?.();
      restore = null;
    },
    state: () => ({ monitor, best, wait }),
    restore(state, run) {
      restore = run.lastSnapshot();
      const was = readState("earlyStopping", schema, state);
      if (was.monitor === monitor) [best, wait] = [was.best ?? Number.NaN, was.wait];
    },
  };
}
