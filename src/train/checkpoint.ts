/** Checkpoints while training: often enough to lose little, and never at the price of the one before. */
import { ensureRoom, ensureWritable } from "../files/index.ts";
import { ConfigError, NablaError } from "../util/index.ts";
import type { Callback, Run } from "./events.ts";

export interface CheckpointOptions {
  /** Epochs between saves; default 1. */
  readonly every?: number;
  /** Seconds between saves at least, so that short epochs are not all saving; default 5. The end of a run always saves. */
  readonly minSeconds?: number;
  /** Told of each save that failed while training goes on; default: a process warning. */
  readonly onFailure?: (error: Error) => void;
}

/**
 * Saves the training state into `dir` at the end of epochs and of the run. Shows at the start that the folder can be written and has room.
 *
 * A save that fails (disk full) leaves the previous checkpoint in force; training goes on and the next save tries again. Only the
 * last one's failure ends in an error. When a callback throws, what was reached by then is saved.
 *
 * `dir` may be a function, for a folder that is known only when the run starts.
 *
 * @example new Trainer({ ..., callbacks: [checkpoint("runs/mnist")] });
 */
export function checkpoint(dir: string | (() => string), options: CheckpointOptions = {}): Callback {
  const { every = 1, minSeconds = 5 } = options;
  if (!Number.isInteger(every) || every < 1) {
    throw new ConfigError(`checkpoint: every must be a whole number of at least 1; got ${every}.`);
  }
  const onFailure =
    options.onFailure ?? ((error: Error) => process.emitWarning(error.message, { type: "NablaWarning" }));
  let folder = "";
  let savedAt = 0;
  const save = async (run: Run): Promise<void> => {
    await run.save(folder);
    savedAt = performance.now();
  };
  return {
    name: "checkpoint",
    last: true,
    async start({ plan }) {
      folder = typeof dir === "string" ? dir : dir();
      savedAt = performance.now();
      await ensureWritable(folder);
      // The new state is written beside the old one.
      await ensureRoom(folder, 2 * plan.stateBytes, "two checkpoints");
    },
    async epochEnd({ record }, run) {
      if (record.epoch % every !== 0 || performance.now() - savedAt < minSeconds * 1000) return;
      try {
        await save(run);
      } catch (error) {
        if (!(error instanceof NablaError)) throw error;
        onFailure(error);
      }
    },
    async stop(_, run) {
      // At the end of an epoch it was saved perhaps, but early stopping may have put an earlier one back since.
      await save(run);
    },
    async error({ callback }, run) {
      // A callback fails between steps: what was reached is whole.
      if (callback !== null && callback !== "checkpoint") await save(run).catch(onFailure);
    },
  };
}
