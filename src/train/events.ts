/** What happens while a Trainer works, in order; this list is its documentation. Callbacks observe, and may ask to stop or to save. */
import type { Dataset } from "../data/index.ts";
import type { PlanTiming, Tensor } from "../engine/tensor/index.ts";
import type { Keep, PngImage, Saving } from "../io/index.ts";
import type { Tensors } from "../nn/index.ts";
import type { NotFiniteError } from "./after-steps.ts";
import type { Measured } from "./noise-scale.ts";
import type { Sharpness } from "./sharpness-step.ts";
import type { Telemetry } from "./telemetry.ts";

/** Averages over rows by name: `loss` and the metrics asked for. */
export type Scores = { readonly loss: number } & { readonly [metric: string]: number };

/** One line of a run's history: what an epoch reached. Free of times, so that equal runs have equal histories. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  /** Steps taken since the start of the run. */
  readonly step: number;
  readonly train: Scores;
  readonly validation: Scores | null;
  /** Where the batch size changes: that of the last steps, what learning rates are times, and the noise scale when measured. */
  readonly batch?: BatchRecord;
}

export interface BatchRecord {
  readonly size: number;
  readonly learningRateFactor: number;
  /** Null where it is not measured, and while the squared gradient seems to be 0. */
  readonly noiseScale: number | null;
}

/** Where a run is. */
export interface Position {
  /** Whole epochs done. */
  readonly epoch: number;
  /** Batches done of the epoch under way. */
  readonly batch: number;
  /** And rows. */
  readonly row: number;
  /** Steps taken in all. */
  readonly step: number;
}

/** Fixed facts of a run. */
export interface Plan {
  readonly epochs: number;
  /** Where it changes, the first: the learning rate is meant for it. */
  readonly batchSize: number;
  /** Rows of training data. */
  readonly rows: number;
  /** In an epoch; null where the batch size changes. */
  readonly batches: number | null;
  /** Rows an epoch trains: all, or less with `dropLast`. */
  readonly rowsPerEpoch: number;
  /** Trained numbers in the model. */
  readonly parameters: number;
  /** What a checkpoint takes on disk, about. */
  readonly stateBytes: number;
  /** As in "cpu (avx512, 2 threads)". */
  readonly device: string;
  /** What to know before it starts, in a sentence each: schedules that end before the run does. */
  readonly notes: readonly string[];
}

export interface Events {
  /** Before anything is computed: the place to fail early. */
  start: { readonly plan: Plan; readonly position: Position; readonly history: readonly EpochRecord[] };
  epochStart: { readonly epoch: number };
  /** The gradient noise was measured, before this position's next step; the means of all measurements so far. */
  noise: {
    readonly position: Position;
    /** tr(Sigma) / |G|^2, in rows; null while the mean of |G|^2 is not above 0. */
    readonly noiseScale: number | null;
    /** |G|^2 and tr(Sigma), of this measurement alone. */
    readonly signal: number;
    readonly noise: number;
  };
  /** Where it changes: the size of batches from here on. Sent for the first step of a `fit` too. */
  batchSize: { readonly position: Position } & BatchRecord;
  /** `count` batches are about to be trained in one go. */
  batch: {
    readonly epoch: number;
    readonly batch: number;
    readonly count: number;
    readonly position: Position;
  };
  /**
   * The loss of one of these batches is NaN or infinite, in place of `stepEnd`. The run ends with this error unless a callback has it go
   * back (`run.rollback`).
   */
  notFinite: { readonly error: NotFiniteError; readonly position: Position };
  /** They have been. `train` is the average over the epoch so far, `recent` over these batches, of what is a mean over rows. */
  stepEnd: {
    readonly position: Position;
    readonly rows: number;
    readonly seconds: number;
    /** Of those, how many the steps waited for data; 0 where it is in memory. */
    readonly waiting: number;
    readonly train: Scores;
    readonly recent: Scores;
  };
  /** What one of those steps was like inside, where the Trainer has `telemetry`. */
  telemetry: { readonly telemetry: Telemetry };
  /** The validation data has been measured. */
  evaluate: { readonly epoch: number; readonly scores: Scores; readonly seconds: number };
  epochEnd: { readonly record: EpochRecord };
  /** A callback had the run go back: it is where it was at `position`, with that `history`, and so are the states of callbacks. */
  rollback: {
    readonly reason: string;
    readonly from: Position;
    readonly position: Position;
    readonly history: readonly EpochRecord[];
  };
  /** A callback shows pictures of its making, for whoever keeps them. */
  pictures: { readonly position: Position; readonly pictures: readonly NamedPicture[] };
  /**
   * The state of this position is on the disk, in `dir`. What `saveBehind` saved is told of before the next event that comes after that,
   * so the run itself may be further on.
   */
  checkpoint: { readonly dir: string; readonly position: Position };
  /** The run is over; `reason` is null when all epochs are done. Not sent after an error. */
  stop: { readonly reason: string | null; readonly position: Position };
  /** The run ends with this error; `callback` names the callback that threw it, null where none did. */
  error: { readonly error: unknown; readonly position: Position; readonly callback: string | null };
}

export interface NamedPicture {
  /** As in `samples/3`. */
  readonly tag: string;
  readonly image: PngImage;
}

/** What a callback may ask for. */
export interface Run {
  /** Ends the run after this event, for the reason given. */
  stop(reason: string): void;
  /**
   * Has `stepEnd` heard when exactly so many steps are taken in all: the steps taken in one go end there. A callback has one such step;
   * naming another takes its place. At `batch` the steps of the next call are decided already. Throws ConfigError unless it is a whole number.
   */
  breakAt(step: number): void;
  /**
   * Saves the whole training state into a folder. Throws FileError when it cannot; the folder's old checkpoint stays. Where a callback
   * has asked to go back, nothing is saved: the state is about to be undone.
   */
  save(dir: string, keep?: Keep): Promise<void>;
  /**
   * The same while training goes on: resolves when the state has been copied, which for 100 MB takes some 10 ms; `written` tells when it
   * is on the disk. One is written at a time, so that this waits for the one before; the end of the run waits for the last.
   */
  saveBehind(dir: string, keep?: Keep): Promise<Saving>;
  /** Makes memory for the copy, as large as the state, and starts a thread that writes it: the first save then stalls no longer than others. */
  readySaves(): Promise<void>;
  /** The parameters and buffers as they are now; they are the trainer's own and live until its next step. */
  parameters(): Tensors;
  /** The optimizer's hyper-parameters by name; of schedules, the values of the last step. */
  hyperparameters(): Promise<Record<string, number>>;
  /** Sets one of them from the next step on, without a recompile. Throws ConfigError for an unknown or scheduled one. */
  set(name: string, value: number): Promise<void>;
  /** Multiplies the learning rates, numbers and schedules alike, by `factor` from the next step on. What `hyperparameters` gives stays. */
  scaleLearningRate(factor: number): void;
  /** What learning rates are times now: what `scaleLearningRate` was told so far, and what goes with the batch size. */
  learningRateFactor(): number;
  /** The path of a tensor of the training state that holds a NaN or, where that is none of a mask, an infinity; null where there is none. */
  notFinite(): Promise<string | null>;
  /**
   * The gradient noise where the run is, as the means of measurements on the next `batches` batches (default 8), for about a step's time
   * each: |G|^2 and tr(Sigma), of which `noiseScale` tells. The bits of training stay. Null where data is not in memory, before the first
   * step, and for numbers that are none. Throws ConfigError unless it is a whole number of at least 1.
   */
  gradientNoise(batches?: number): Promise<Measured | null>;
  /**
   * How sharply the loss of the next batch (64 rows at least) bends where the run is, by `products` products with its Hessian (default
   * 10), for two to four steps' time each, and the sharpness from which this optimizer's steps would grow. The bits of training stay. Null
   * and errors as of `gradientNoise`.
   * @example const found = await run.sharpness(); // { sharpness: 83, alongGradient: 61, edge: 40 }: the learning rate is twice too high
   */
  sharpness(products?: number): Promise<Sharpness | null>;
  /** The model's outputs for the rows of the data, with the values that are evaluated. */
  predict(data: Dataset): Promise<Tensor>;
  /** The folder the run is kept in; null where no callback has named one. */
  folder(): string | null;
  /** Names it. */
  keptIn(folder: string): void;
  /** Tells all callbacks of pictures, as `pictures`. */
  show(pictures: readonly NamedPicture[]): Promise<void>;
  /** The training steps compiled so far in words, one for each size of batch; see `explain`. */
  explain(): readonly string[];
  /** Begins to time the kernels of the training steps, from 0, or ends it. Bits stay as they are; see `jit(...).time`. */
  time(on: boolean): void;
  /** What they took since then. */
  timings(): readonly PlanTiming[];
  /** Seconds that each callback took of this fit so far, by name. */
  spent(): Readonly<Record<string, number>>;
  /**
   * Copies of the parameters and buffers that are evaluated, and how to put them back: averages begin anew at them. The last one of each
   * callback is saved in checkpoints.
   */
  snapshot(): Promise<() => Promise<void>>;
  /** How to put this callback's last snapshot back, one of before a resume too; null where there is none. */
  lastSnapshot(): (() => Promise<void>) | null;
  /**
   * Keeps a copy of the whole training state in memory, and what callbacks have counted, in place of this callback's savepoint before. At
   * `batch` all callbacks agree on what has happened. It is saved in checkpoints.
   */
  savepoint(): Promise<void>;
  /** The steps taken at this callback's savepoint, one of before a resume too; null where there is none. */
  savepointStep(): number | null;
  /** Forgets it. */
  dropSavepoint(): void;
  /**
   * Has the run go back to this callback's savepoint, once all have heard of the event under way; then `rollback` is heard. The states
   * of the other callbacks go back too; what `scaleLearningRate` was told stays. False where there is no savepoint.
   */
  rollback(reason: string): boolean;
}

/** What JSON can say. NaN and the infinities come back as null. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

/** Functions by event, each optional; the trainer waits for those that return a promise. */
export type Handlers = {
  readonly [K in keyof Events]?: (event: Events[K], run: Run) => void | Promise<void>;
};

/**
 * What hears of a run. One that decides by what it has seen says so with `state` and `restore`: a resumed run then goes on to the same
 * decisions.
 */
export interface Callback extends Handlers {
  /** What errors call it and what its state is saved under. */
  readonly name?: string;
  /** Heard after all others: what it saves then holds what they decided at the same event. */
  readonly last?: boolean;
  /** What a checkpoint is to hold of it. */
  state?(): Json;
  /** Takes that over, after `start`, when a run is resumed or rolled back. Throws DataError for what no `state` gives. */
  restore?(state: Json, run: Run): void | Promise<void>;
}

/** The value a callback watches, as in `validation.loss` or `train.accuracy`; undefined when there is none. */
export function monitored(record: EpochRecord, monitor: string): number | undefined {
  const [part, name] = monitor.split(".");
  const scores = part === "train" ? record.train : part === "validation" ? record.validation : null;
  return name === undefined ? undefined : scores?.[name];
}

/** The names `monitored` knows in a record. */
export function monitors(record: EpochRecord): string[] {
  const names = (part: string, scores: Scores | null) =>
    Object.keys(scores ?? {}).map((name) => `${part}.${name}`);
  return [...names("train", record.train), ...names("validation", record.validation)];
}
