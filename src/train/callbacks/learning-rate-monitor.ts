/** learningRateMonitor: the hyper-parameters of a run, remembered. */
import { z } from "zod";
import { optionNames, rejectUnknown } from "../../util/index.ts";
import { readState } from "../callback-state.ts";
import type { Callback, Run } from "../events.ts";
import { usedHyperparameters } from "../used-hyperparameters.ts";
import { type EveryEpochsOrSteps, Interval } from "./every.ts";

export interface LearningRateMonitorOptions {
  /** Epochs or steps from one record to the next; default an epoch. */
  readonly every?: EveryEpochsOrSteps;
}

/** The hyper-parameters of the last step taken. */
export interface HyperparameterRecord {
  /** Steps taken. */
  readonly step: number;
  /** The epoch that step was in, from 1. */
  readonly epoch: number;
  /** By name; learning rates as they were used. */
  readonly values: Readonly<Record<string, number>>;
}

export interface LearningRateMonitor extends Callback {
  /** What was recorded of the run, of before a resume too. */
  readonly history: readonly HyperparameterRecord[];
}

const names = optionNames<LearningRateMonitorOptions>({ every: true });
const schema = z.object({
  history: z.array(z.object({ step: z.int(), epoch: z.int(), values: z.record(z.string(), z.number()) })),
});

/**
 * Records learning rate, momentum, weight decay and all other hyper-parameters of the optimizer at exact steps or after each epoch: of
 * schedules the values of the last step; learning rates times what goes with a batch size that changes, and what `nanGuard` made of them.
 * The folder of a run (`track`, `nabla train`) and event files have them anyway; this is for programs.
 *
 * @throws ConfigError for unknown options
 * @example
 * const rates = learningRateMonitor({ every: { steps: 100 } });
 * await new Trainer({ ..., callbacks: [rates] }).fit(train, { epochs: 3 });
 * console.log(rates.history.map(({ step, values }) => [step, values.learningRate]));
 */
export function learningRateMonitor(options: LearningRateMonitorOptions = {}): LearningRateMonitor {
  const op = "learningRateMonitor";
  rejectUnknown(op, options, names);
  const interval = new Interval(op, options.every ?? 1);
  const history: HyperparameterRecord[] = [];
  const plan = (step: number, run: Run): void => {
    const next = interval.next(step);
    if (next !== null) run.breakAt(next);
  };
  const record = async (run: Run, step: number, epoch: number): Promise<void> => {
    history.push({ step, epoch, values: await usedHyperparameters(run) });
  };
  return {
    name: op,
    history,
    start({ position }, run) {
      history.length = 0;
      plan(position.step, run);
    },
    async stepEnd({ position }, run) {
      if (interval.unit === "steps" && interval.at(position)) {
        await record(run, position.step, position.epoch + 1);
      }
      plan(position.step, run);
    },
    async epochEnd({ record: { epoch, step } }, run) {
      if (interval.unit === "epochs" && epoch % interval.count === 0) await record(run, step, epoch);
    },
    rollback: ({ position }, run) => plan(position.step, run),
    state: () => ({ history: history.map(({ step, epoch, values }) => ({ step, epoch, values })) }),
    restore(state) {
      history.splice(0, history.length, ...readState(op, schema, state).history);
    },
  };
}
