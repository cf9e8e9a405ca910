/** Checkpoints while training: often enough to lose little, and never at the price of the one before. */
import { ensureRoom, ensureWritable } from "../files/index.ts";
import { ConfigError, NablaError, rejectUnknown, warn } from "../util/index.ts";
import { type Callback, type EpochRecord, monitored, type Position, type Run } from "./events.ts";
import { type KeepOptions, keeping } from "./keep.ts";
import { modeOf } from "./monitor.ts";
import { wholeNumber } from "./options.ts";

/** One of them. Steps and seconds are looked at after each stretch of steps, which takes some 50 ms. */
export type Every = { readonly epochs: number } | { readonly steps: number } | { readonly seconds: number };

export interface CheckpointOptions {
  /** What lies between saves, at least: a number is of epochs; default 1. */
  readonly every?: number | Every;
  /** Seconds between saves at least, so that short epochs are not all saving; default 5, or 0 where `every` names its unit. */
  readonly minSeconds?: number;
  /** How many stay; default: the newest alone. */
  readonly keep?: KeepOptions;
  /** What `keep.best` goes by, as in `validation.loss` (the default). */
  readonly monitor?: string;
  /** Whether smaller or larger is better; default by the name. */
  readonly mode?: "min" | "max";
  /** Told of each save that failed while training goes on; default: a process warning. */
  readonly onFailure?: (error: Error) => void;
}

/**
 * Saves the training state into `dir` while training and at the end of the run. Shows at the start that the folder can be written and has
 * room.
 *
 * With `keep` the last and the best ones stay beside each other; `Trainer.resume` takes the newest that is whole. An epoch that is the
 * best so far is then saved whatever `every` says. A save that is killed at any moment leaves those before it.
 *
 * Training waits for a copy of the state (some 10 ms for 100 MB) and goes on while it is written, which takes memory for that copy as
 * long as the run lasts. One is written at a time: the next waits for it where steps or epochs say when to save, and is put off where
 * seconds do (as `minSeconds` does). The end of the run waits for the last one.
 *
 * A save that fails (disk full) leaves the previous checkpoint in force; training goes on and the next save tries again. Only the
 * last one's failure ends in an error. When a callback throws, what was reached by then is saved.
 *
 * `dir` may be a function, for a folder that is known only when the run starts.
 *
 * Throws ConfigError for options that do not exist or are out of range.
 *
 * @example new Trainer({ ..., callbacks: [checkpoint("runs/mnist", { every: { steps: 500 }, keep: { last: 3, best: 1 } })] });
 */
export function checkpoint(dir: string | (() => string), options: CheckpointOptions = {}): Callback {
  rejectUnknown("checkpoint", options, ["every", "minSeconds", "keep", "monitor", "mode", "onFailure"]);
  const every = readEvery(options.every ?? 1);
  const { minSeconds = typeof options.every === "object" ? 0 : 5, monitor = "validation.loss" } = options;
  const { keep = null, mode = modeOf(monitor) } = options;
  if (keep !== null) {
    rejectUnknown("checkpoint: keep", keep, ["last", "best"]);
    wholeNumber("checkpoint", "keep.last", keep.last ?? 1, 1);
    wholeNumber("checkpoint", "keep.best", keep.best ?? 0, 0);
  }
  const policy = keep === null ? undefined : keeping(keep, monitor, mode);
  const { onFailure = warn } = options;
  let folder = "";
  let saved = { at: 0, step: 0, epoch: 0 };
  let best: number | null = null;
  /** The save being written; rejects with what is no failure of a save. */
  let writing: Promise<void> | null = null;
  const attempt = async (run: Run, { step, epoch }: Position): Promise<void> => {
    await writing;
    const before = saved;
    const failed = (error: unknown): void => {
      saved = before; // the next chance is taken
      if (!(error instanceof NablaError)) throw error;
      onFailure(error);
    };
    saved = { at: performance.now(), step, epoch };
    try {
      const { written } = await run.saveBehind(folder, policy);
      writing = written.catch(failed).then(() => {
        writing = null;
      });
      writing.catch(() => undefined); // met at the next save, or at the end
    } catch (error) {
      failed(error);
    }
  };
  /** Whether this is the best epoch so far. */
  const noteBest = (record: EpochRecord): boolean => {
    const value = monitored(record, monitor);
    if (value === undefined || Number.isNaN(value)) return false;
    if (best !== null && (mode === "min" ? value >= best : value <= best)) return false;
    best = value;
    return true;
  };
  const waited = (): number => (performance.now() - saved.at) / 1000;
  /** Where the clock decides anyway, a save is put off rather than wait for the one before. */
  const timed = minSeconds > 0 || every.unit === "seconds";
  const mayWait = (): boolean => !timed || writing === null;
  return {
    name: "checkpoint",
    last: true,
    ...(keep !== null && { state: () => ({ monitor, mode }) }), // what `load` takes for the best
    async start({ plan, position, history }, run) {
      folder = typeof dir === "string" ? dir : dir();
      saved = { at: performance.now(), step: position.step, epoch: position.epoch };
      best = null;
      for (const record of history) noteBest(record);
      await ensureWritable(folder);
      // The new state is written beside the old ones.
      const states = 1 + (keep === null ? 1 : (keep.last ?? 1) + (keep.best ?? 0));
      await ensureRoom(folder, states * plan.stateBytes, `${states === 2 ? "two" : states} checkpoints`);
      await run.readySaves();
    },
    async stepEnd({ position }, run) {
      const due =
        every.unit === "steps"
          ? position.step - saved.step >= every.count
          : every.unit === "seconds" && waited() >= every.count;
      if (due && waited() >= minSeconds && mayWait()) await attempt(run, position);
    },
    async epochEnd({ record }, run) {
      const isBest = noteBest(record) && (keep?.best ?? 0) > 0;
      const due = every.unit === "epochs" && record.epoch % every.count === 0;
      const position = { epoch: record.epoch, batch: 0, row: 0, step: record.step };
      if (isBest || (due && waited() >= minSeconds && mayWait())) await attempt(run, position);
    },
    rollback({ position: { step, epoch }, history }) {
      saved = { at: saved.at, step: Math.min(saved.step, step), epoch: Math.min(saved.epoch, epoch) };
      best = null;
      for (const record of history) noteBest(record);
    },
    async stop(_, run) {
      await writing;
      // At the end of an epoch it was saved perhaps, but early stopping may have put an earlier one back since.
      await run.save(folder, policy);
    },
    async error({ callback, position }, run) {
      // A callback fails between steps: what was reached is whole.
      if (folder !== "" && callback !== null && callback !== "checkpoint") await attempt(run, position);
      await writing;
    },
  };
}

interface Interval {
  readonly unit: "epochs" | "steps" | "seconds";
  readonly count: number;
}

function readEvery(every: number | Every): Interval {
  if (typeof every === "number") {
    if (Number.isInteger(every) && every >= 1) return { unit: "epochs", count: every };
    throw new ConfigError(`checkpoint: every must be a whole number of at least 1; got ${every}.`);
  }
  rejectUnknown("checkpoint: every", every, ["epochs", "steps", "seconds"]);
  const [entry, ...more] = Object.entries(every);
  if (entry === undefined || more.length > 0)
    throw new ConfigError("checkpoint: every must be one of { epochs }, { steps } and { seconds }.");
  const [unit, count] = entry as [Interval["unit"], number];
  if (unit === "seconds") {
    if (count >= 0) return { unit, count };
    throw new ConfigError(`checkpoint: every.seconds must be at least 0; got ${count}.`);
  }
  return { unit, count: wholeNumber("checkpoint", `every.${unit}`, count, 1) };
}
