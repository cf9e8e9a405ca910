/** timeBudget: a run that ends after so much time. */
import { z } from "zod";
import { ConfigError, parseDuration } from "../../util/index.ts";
import { readState } from "../callback-state.ts";
import type { Callback, Run } from "../events.ts";
import { formatSeconds } from "../format.ts";

const schema = z.object({ seconds: z.number().nonnegative() });

/**
 * Ends a run once it has taken this time, in seconds or as in "90s", "30m", "2h" or "1h30m": from the start of `fit` on, validation and
 * saving included, without the time between a stop and its resume. It is looked at after each stretch of steps, which takes some 50 ms, and
 * each epoch. How many steps that is depends on the machine; `stepBudget` counts them.
 *
 * @throws ConfigError for what is no time above 0
 * @example new Trainer({ ..., callbacks: [timeBudget("2h")] });
 */
export function timeBudget(time: number | string): Callback {
  const op = "timeBudget";
  const budget = typeof time === "string" ? parseDuration(time) : time;
  if (typeof budget !== "number" || !(budget > 0 && Number.isFinite(budget))) {
    throw new ConfigError(
      `${op}: the time must be a number of seconds above 0, or as in "90s", "30m", "2h" or "1h30m"; got ${JSON.stringify(time)}.`,
    );
  }
  let before = 0; // seconds, of runs that this one goes on with
  let began = performance.now();
  const spent = (): number => before + Math.max(0, performance.now() - began) / 1000;
  const look = (_: unknown, run: Run): void => {
    if (spent() >= budget) run.stop(`the time budget of ${formatSeconds(budget)} is spent`);
  };
  return {
    name: op,
    start() {
      [before, began] = [0, performance.now()];
    },
    stepEnd: look,
    epochEnd: look,
    state: () => ({ seconds: spent() }),
    restore(state, run) {
      // A run that has gone back has not got its time back.
      const { seconds } = readState(op, schema, state);
      if (seconds > spent()) [before, began] = [seconds, performance.now()];
      look(null, run);
    },
  };
}
