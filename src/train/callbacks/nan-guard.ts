/** nanGuard: what to do when numbers stop being finite, in place of an error. */
import { z } from "zod";
import { ConfigError, DataError, optionNames, rejectUnknown } from "../../util/index.ts";
import { readState } from "../callback-state.ts";
import type { Callback, Position, Run } from "../events.ts";
import { formatScore } from "../format.ts";
import { wholeNumber } from "../options.ts";
import { type EveryEpochsOrSteps, Interval } from "./every.ts";

export interface NanGuardOptions {
  /** "rollback" (default): back to the last good state, with a lower learning rate; "stop": back to it, and the run ends. */
  readonly action?: "rollback" | "stop";
  /** What learning rates are times after each time, scheduled ones too; default 0.5. */
  readonly lowerLearningRateBy?: number;
  /** How often a run may go back; the next time ends it. Default 3. */
  readonly maxRollbacks?: number;
  /** Epochs or steps from one good state that is kept to the next; default an epoch. */
  readonly every?: EveryEpochsOrSteps;
}

const names = optionNames<NanGuardOptions>({
  action: true,
  lowerLearningRateBy: true,
  maxRollbacks: true,
  every: true,
});

const schema = z.object({ rollbacks: z.int().nonnegative() });

/**
 * Keeps a copy of the whole training state (parameters, buffers, optimizer, random key, place in the data, what callbacks have counted) in
 * memory as an epoch begins, or every so many steps. When the loss of a step or an epoch is NaN or infinite, or when at the end of an epoch or
 * before such a copy is made the state holds such a number, the run goes back to the copy and on from there with a lower learning rate; after
 * `maxRollbacks` times it ends there, with a reason. With `action: "stop"` it ends there at once.
 *
 * It costs the bytes of the state once more in memory, in checkpoints that are saved between copies too, and the time of a look at the
 * state and a copy of it each. What a run does is a function of its seed as before, and a resumed run goes back as one that never stopped.
 *
 * @throws ConfigError for options that do not exist or are out of range, and for an optimizer without a learning rate to lower; DataError
 * when the state that training starts from is not finite
 * @example new Trainer({ ..., callbacks: [nanGuard({ lowerLearningRateBy: 0.3, every: { steps: 500 } })] });
 */
export function nanGuard(options: NanGuardOptions = {}): Callback {
  const op = "nanGuard";
  rejectUnknown(op, options, names);
  const { action = "rollback", lowerLearningRateBy = 0.5, every = 1 } = options;
  if (action !== "rollback" && action !== "stop")
    throw new ConfigError(`${op}: action must be "rollback" or "stop"; got ${JSON.stringify(action)}.`);
  if (!(lowerLearningRateBy > 0 && lowerLearningRateBy <= 1)) {
    throw new ConfigError(
      `${op}: lowerLearningRateBy must be above 0 and at most 1; got ${lowerLearningRateBy}.`,
    );
  }
  const maxRollbacks = wholeNumber(op, "maxRollbacks", options.maxRollbacks ?? 3, 1);
  const interval = new Interval(op, every);
  let rollbacks = 0;
  let step = 0;
  let rowsPerEpoch = 0;
  let leaving = false; // what is heard until the run is back is of what was left

  const announce = (run: Run): void => {
    const next = interval.next(step);
    if (next !== null) run.breakAt(next);
  };
  const fail = (run: Run, what: string): void => {
    if (leaving || run.savepointStep() === null) return;
    leaving = true;
    if (action === "rollback" && rollbacks < maxRollbacks) {
      rollbacks++;
      run.scaleLearningRate(lowerLearningRateBy);
      const factor = formatScore(run.learningRateFactor());
      run.rollback(`${what}; learning rate x ${factor} from here (${rollbacks} of ${maxRollbacks})`);
      return;
    }
    const again = rollbacks === 0 ? "" : `, after ${rollbacks} returns with a lower learning rate`;
    run.rollback(`${what}${again}`);
    run.stop(`${what}${again}; the last good state is kept`);
  };
  /** Whether the state is finite; otherwise the run goes back. */
  const sound = async (run: Run): Promise<boolean> => {
    const path = await run.notFinite();
    if (path !== null) fail(run, `${path} is not finite after step ${step}`);
    return path === null;
  };
  /** A copy that is about to be replaced is not worth saving. */
  const look = async (run: Run, position: Position): Promise<void> => {
    if (!leaving && (await sound(run)) && interval.at(position)) run.dropSavepoint();
  };

  return {
    name: op,
    async start({ plan, position }, run) {
      rowsPerEpoch = plan.rowsPerEpoch;
      [rollbacks, step, leaving] = [0, position.step, false];
      const all = Object.keys(await run.hyperparameters());
      if (action === "rollback" && !all.some((name) => name.split("/").at(-1) === "learningRate")) {
        throw new ConfigError(
          `${op}: the optimizer must have a learningRate to lower; it has ${all.join(", ") || "no hyper-parameters"}. Give action: "stop".`,
        );
      }
      announce(run);
    },
    async batch({ position }, run) {
      const at = run.savepointStep();
      if (at === position.step || (at !== null && !interval.at(position))) return;
      if (at === null) {
        const path = await run.notFinite();
        if (path !== null)
          throw new DataError(`${op}: the state that training starts from must be finite; ${path} is not.`);
      } else if (!(await sound(run))) return;
      await run.savepoint();
    },
    async stepEnd({ position, train }, run) {
      step = position.step;
      // Losses may be finite each, and their mean too large for one.
      if (!Number.isFinite(train.loss)) fail(run, `the loss of epoch ${position.epoch + 1} is not finite`);
      // The end of an epoch is looked at when it has been measured.
      const within = position.row < rowsPerEpoch;
      if (interval.unit === "steps" && within && interval.at(position)) await look(run, position);
      announce(run);
    },
    async epochEnd({ record }, run) {
      await look(run, { epoch: record.epoch, batch: 0, row: 0, step: record.step });
    },
    notFinite({ error }, run) {
      const operation = error.operation === "" ? "" : ` (${error.operation.replace(/\.$/, "")})`;
      fail(run, `the loss is not finite at step ${error.step + 1}${operation}`);
    },
    rollback({ position }, run) {
      leaving = false;
      step = position.step;
      announce(run);
    },
    state: () => ({ rollbacks }),
    restore(state) {
      rollbacks = readState(op, schema, state).rollbacks;
    },
  };
}
