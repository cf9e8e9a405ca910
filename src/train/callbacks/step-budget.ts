/** stepBudget: a run that ends after so many steps. */
import { z } from "zod";
import { readState } from "../callback-state.ts";
import type { Callback, Plan, Run } from "../events.ts";
import { wholeNumber } from "../options.ts";

const schema = z.object({ from: z.int().nonnegative() });

/**
 * Ends a run after exactly `steps` steps; a resumed run has what is left of them. Where that is the end of an epoch, the epoch is measured
 * and recorded first.
 *
 * @throws ConfigError unless steps is a whole number of at least 1
 * @example new Trainer({ ..., callbacks: [stepBudget(10_000)] });
 */
export function stepBudget(steps: number): Callback {
  const op = "stepBudget";
  wholeNumber(op, "steps", steps, 1);
  let plan: Plan | null = null;
  let from = 0;
  let step = 0;
  const ends = (run: Run): void => {
    if (step >= from + steps) run.stop(`the budget of ${steps.toLocaleString("en-US")} steps is spent`);
  };
  return {
    name: op,
    start(event, run) {
      plan = event.plan;
      from = step = event.position.step;
      run.breakAt(from + steps);
    },
    stepEnd({ position }, run) {
      step = position.step;
      if (position.row < (plan?.rowsPerEpoch ?? 0)) ends(run);
    },
    epochEnd({ record }, run) {
      step = record.step;
      if (record.epoch < (plan?.epochs ?? 0)) ends(run);
    },
    rollback({ position }) {
      step = position.step;
    },
    state: () => ({ from }),
    restore(state, run) {
      from = readState(op, schema, state).from;
      run.breakAt(from + steps);
      ends(run);
    },
  };
}
