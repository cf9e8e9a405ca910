/** A hyper-parameter that is reduced when training no longer gets better. */
import { z } from "zod";
import { ConfigError } from "../util/index.ts";
import { readState } from "./callback-state.ts";
import type { Callback, EpochRecord, Run } from "./events.ts";
import { modeOf, readMonitor } from "./monitor.ts";

export interface ReduceOnPlateauOptions {
  /** What to watch, as in `validation.loss` (the default) or `train.loss`. */
  readonly monitor?: string;
  /** What it is multiplied by; default 0.1. */
  readonly factor?: number;
  /** Epochs without a better value that are borne; the next one reduces. Default 10. */
  readonly patience?: number;
  /** A better value is better by this part of the best; default 1e-4. */
  readonly threshold?: number;
  /** Whether the threshold is a part of the best ("rel", default) or a difference ("abs"). */
  readonly thresholdMode?: "rel" | "abs";
  /** Epochs after a reduction that are not counted; default 0. */
  readonly cooldown?: number;
  /** It never gets smaller than this; default 0. */
  readonly min?: number;
  /** Whether smaller or larger is better; default by the name. */
  readonly mode?: "min" | "max";
  /** Which hyper-parameter of the optimizer; default "learningRate". It must be a number, not a schedule. */
  readonly hyperparameter?: string;
}

const schema = z.object({
  monitor: z.string(),
  best: z.number().nullable(),
  bad: z.int().nonnegative(),
  cooling: z.int().nonnegative(),
});

/**
 * Multiplies the learning rate by `factor` when the monitored value has not improved for more than `patience` epochs.
 *
 * The rate is in the optimizer's state and what was counted in the callback's, and checkpoints hold both: a resumed run goes on as if it
 * had never stopped. Compiled steps stay as they are. The same rule as PyTorch's `ReduceLROnPlateau`.
 *
 * Throws ConfigError for values out of range, a value that is not monitored, and a hyper-parameter that does not exist or follows a
 * schedule, naming the nearest there is.
 *
 * @example new Trainer({ ..., callbacks: [reduceOnPlateau({ factor: 0.5, patience: 2 })] });
 */
export function reduceOnPlateau(options: ReduceOnPlateauOptions = {}): Callback {
  const op = "reduceOnPlateau";
  const {
    monitor = "validation.loss",
    factor = 0.1,
    patience = 10,
    threshold = 1e-4,
    cooldown = 0,
  } = options;
  const { thresholdMode = "rel", min = 0, hyperparameter = "learningRate" } = options;
  const mode = options.mode ?? modeOf(monitor);
  if (!(factor > 0 && factor < 1))
    throw new ConfigError(`${op}: factor must be above 0 and below 1; got ${factor}.`);
  for (const [name, value] of Object.entries({ patience, cooldown })) {
    if (Number.isInteger(value) && value >= 0) continue;
    throw new ConfigError(`${op}: ${name} must be a whole number of at least 0; got ${value}.`);
  }
  for (const [name, value] of Object.entries({ threshold, min })) {
    if (!(value >= 0)) throw new ConfigError(`${op}: ${name} must be at least 0; got ${value}.`);
  }
  const none = mode === "min" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  let best = none;
  let bad = 0;
  let cooling = 0;

  const improves = (value: number): boolean => {
    const sign = mode === "min" ? -1 : 1;
    if (!Number.isFinite(best)) return !Number.isNaN(value);
    const wanted =
      thresholdMode === "rel" ? best + sign * threshold * Math.abs(best) : best + sign * threshold;
    return mode === "min" ? value < wanted : value > wanted;
  };
  /** Whether this epoch reduces. */
  const note = (record: EpochRecord): boolean => {
    const value = readMonitor(op, record, monitor);
    if (improves(value)) [best, bad] = [value, 0];
    else bad++;
    if (cooling > 0) [cooling, bad] = [cooling - 1, 0];
    if (bad <= patience) return false;
    [cooling, bad] = [cooldown, 0];
    return true;
  };
  const rate = async (run: Run): Promise<number> => {
    const all = await run.hyperparameters();
    const now = all[hyperparameter];
    if (now !== undefined) return now;
    throw new ConfigError(
      `${op}: the optimizer must have "${hyperparameter}"; it has ${Object.keys(all).join(", ") || "none"}.`,
    );
  };

  return {
    name: op,
    async start({ history }, run) {
      [best, bad, cooling] = [none, 0, 0];
      // Sets what it is: fails now, not epochs later, where it follows a schedule.
      await run.set(hyperparameter, await rate(run));
      for (const record of history) note(record);
    },
    async epochEnd({ record }, run) {
      if (!note(record)) return;
      await run.set(hyperparameter, Math.max(min, (await rate(run)) * factor));
    },
    state: () => ({ monitor, best, bad, cooling }),
    restore(state) {
      const was = readState(op, schema, state);
      if (was.monitor === monitor) [best, bad, cooling] = [was.best ?? none, was.bad, was.cooling];
    },
  };
}
