/** samples: what the model makes of a few rows while it learns, kept as pictures and lines. */
import { join } from "node:path";
import { Dataset } from "../../data/index.ts";
import { ensureFolder, LineLog, startLines, writeFileAtomic } from "../../files/index.ts";
import { ConfigError, optionNames, rejectUnknown, warn } from "../../util/index.ts";
import type { Callback, Position, Run } from "../events.ts";
import { wholeNumber } from "../options.ts";
import { type Drawn, drawSamples } from "../track/samples.ts";
import { type EveryEpochsOrSteps, Interval } from "./every.ts";

export interface SamplesOptions {
  readonly data: Dataset;
  /** Their numbers, or how many from the first on; default 8. At most 64. */
  readonly rows?: number | readonly number[];
  /** Epochs or steps from one time to the next; default an epoch. */
  readonly every?: EveryEpochsOrSteps;
  /** Names of the classes; default: their numbers. */
  readonly classes?: readonly string[];
  /** A row in words, in place of its picture or numbers: the text behind tokens. */
  readonly input?: (row: number) => string;
  /** A row of the model's outputs in words. */
  readonly output?: (values: Float32Array) => string;
  /** Default: the run's folder, as `nabla train` and `track` name it. */
  readonly dir?: string;
  /** Told of what could not be written while training goes on; default: a process warning. */
  readonly onFailure?: (error: unknown) => void;
}

const names = optionNames<SamplesOptions>({
  data: true,
  rows: true,
  every: true,
  classes: true,
  input: true,
  output: true,
  dir: true,
  onFailure: true,
});
const most = 64;

/**
 * Predicts the same rows again and again while a run trains, with the values that are evaluated, and keeps what came out in
 * `samples.jsonl` and, where rows or targets are images, in `samples/*.png` of the run's folder: for classes the predicted one and its
 * probability; where targets are images (pixels, or a class for each) truth and prediction beside each other; else the numbers.
 * `report.html` and, for images, TensorBoard show it. A black pixel is the least value of its picture and a white one the greatest.
 *
 * @throws ConfigError for unknown options, rows that do not exist, and (when training begins) where there is no folder
 * @example new Trainer({ ..., callbacks: [track("runs/first"), samples({ data: test, rows: [3, 14, 15], every: 2 })] });
 */
export function samples(options: SamplesOptions): Callback {
  const op = "samples";
  rejectUnknown(op, options, names);
  const { data, rows = 8, dir, onFailure = warn } = options;
  if (!(data instanceof Dataset))
    throw new ConfigError(`${op}: data must be a data set in memory, made by dataset(); got ${typeof data}.`);
  const chosen = rowsOf(op, rows, data.length);
  const shown = data.select(chosen);
  const interval = new Interval(op, options.every ?? 1);
  let log: LineLog | null = null;
  let folder = "";
  let writing: Promise<void> = Promise.resolve();

  const plan = (step: number, run: Run): void => {
    const next = interval.next(step);
    if (next !== null) run.breakAt(next);
  };
  const begin = async (run: Run, { step }: Position): Promise<LineLog> => {
    folder = dir ?? run.folder() ?? "";
    if (folder === "") {
      throw new ConfigError(
        `${op}: there must be a folder to keep them in. Give { dir }, or list track("runs/first") too.`,
      );
    }
    await ensureFolder(join(folder, "samples"));
    const path = join(folder, "samples.jsonl");
    await startLines(path, step);
    return new LineLog(path, onFailure);
  };
  /** Beside training: a line is written after the pictures that it names. */
  const keep = (step: number, epoch: number, drawn: readonly Drawn[]): void => {
    const [into, place] = [log, folder];
    writing = writing
      .then(async () => {
        const files = drawn.flatMap(({ files }) => [...files]);
        await Promise.all(files.map(([name, { png }]) => writeFileAtomic(join(place, name), png)));
        into?.add({ step, epoch, samples: drawn.map(({ sample }) => sample) });
      })
      .catch(onFailure);
  };
  const take = async (run: Run, step: number, epoch: number): Promise<void> => {
    const outputs = await run.predict(shown);
    const values = Float32Array.from(await outputs.data(), Number);
    const drawn = await drawSamples(shown, chosen, { values, shape: outputs.shape }, options, `step-${step}`);
    keep(step, epoch, drawn);
    const pictures = drawn.flatMap(({ sample, whole }) =>
      whole === null ? [] : [{ tag: `predictions/${sample.row}`, image: whole }],
    );
    if (pictures.length > 0) await run.show(pictures);
  };
  const end = async (): Promise<void> => {
    await writing;
    await log?.flush();
  };

  return {
    name: op,
    start({ position }, run) {
      log = null;
      plan(position.step, run);
    },
    async batch({ position }, run) {
      log ??= await begin(run, position); // all have heard of the start: the folder has a name
    },
    async stepEnd({ position }, run) {
      if (interval.unit === "steps" && interval.at(position))
        await take(run, position.step, position.epoch + 1);
      plan(position.step, run);
    },
    async epochEnd({ record: { epoch, step } }, run) {
      if (interval.unit === "epochs" && epoch % interval.count === 0) await take(run, step, epoch);
    },
    async rollback({ position }, run) {
      plan(position.step, run);
      await end();
      if (log !== null) await startLines(join(folder, "samples.jsonl"), position.step).catch(onFailure);
    },
    stop: end,
    error: end,
  };
}

function rowsOf(op: string, rows: number | readonly number[], length: number): number[] {
  if (typeof rows === "number") {
    const count = Math.min(wholeNumber(op, "rows", rows, 1), length, most);
    return Array.from({ length: count }, (_, row) => row);
  }
  if (!Array.isArray(rows) || rows.length === 0 || rows.length > most)
    throw new ConfigError(`${op}: rows must be a number, or a list of 1 to ${most} of them.`);
  for (const row of rows) {
    if (!Number.isInteger(row) || row < 0 || row >= length)
      throw new ConfigError(`${op}: rows must be whole numbers in [0, ${length}); got ${row}.`);
  }
  return [...rows];
}
