/** stepBudget: a run that ends after so many steps. */
import type { Callback, Plan, Run } from "../events.ts";
import { wholeNumber } from "../options.ts";

/**
 * Ends a run when exactly `steps` steps have been taken in all, those of before a resume and of earlier calls of `fit` counted. Where that
 * is the end of an epoch, the epoch is measured and recorded first.
 *
 * @throws ConfigError unless steps is a whole number of at least 1
 * @example new Trainer({ ..., callbacks: [stepBudget(10_000)] });
 */
export function stepBudget(steps: number): Callback {
  const op = "stepBudget";
  wholeNumber(op, "steps", steps, 1);
  let plan: Plan | null = null;
  const look = (run: Run, step: number): void => {
    if (step >= steps) run.stop(`the budget of ${steps.toLocaleString("en-US")} steps is spent`);
  };
  return {
    name: op,
    start(event, run) {
      plan = event.plan;
      run.breakAt(steps);
      look(run, event.position.step);
    },
    stepEnd({ position }, run) {
      if (position.row < (plan?.rowsPerEpoch ?? 0)) look(run, position.step);
    },
    epochEnd({ record }, run) {
      if (record.epoch < (plan?.epochs ?? 0)) look(run, record.step);
    },
  };
}
