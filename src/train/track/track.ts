/** track: a run's folder for users of Trainer, as `nabla train` makes one. */
import { join } from "node:path";
import { ensureFolder, LineLog, writeFileAtomic } from "../../files/index.ts";
import { ConfigError, optionNames, rejectUnknown, warn } from "../../util/index.ts";
import type { Callback, EpochRecord, Plan } from "../events.ts";
import { ownVersion } from "./environment.ts";
import { type RecordOptions, recordOptionNames, recordRun } from "./record-run.ts";

export interface TrackOptions extends RecordOptions {
  /** Of the run, in lists and reports; default: the folder's own. */
  readonly name?: string;
  /** What config.json shall say besides: settings of your own, as JSON. */
  readonly config?: Readonly<Record<string, unknown>>;
}

const names = [
  ...optionNames<Omit<TrackOptions, keyof RecordOptions>>({ name: true, config: true }),
  ...recordOptionNames,
];

/**
 * Keeps a run in a folder that anyone can read:
 * config.json (name, start, epochs, batch size, and `config`), environment.json (versions, machine, git revision), plan.txt (the
 * compiled training step in words, memory), history.jsonl (an epoch a line), steps.jsonl (loss, metrics, hyper-parameters and speed every
 * `every` steps), status.json and, at the end, summary.json. `nabla runs` lists such folders and `nabla report` draws one.
 *
 * @throws ConfigError for unknown options; `fit` throws FileError where the folder cannot be written when it starts
 * @example new Trainer({ ..., callbacks: [track("runs/first", { config: { width: 128 } })] });
 */
export function track(dir: string, options: TrackOptions = {}): Callback {
  rejectUnknown("track", options, names);
  if (typeof dir !== "string" || dir === "") {
    throw new ConfigError(
      `track: the folder must be a path; got ${typeof dir === "string" ? '""' : typeof dir}.`,
    );
  }
  const { name = dir.split(/[\\/]/).filter(Boolean).at(-1) ?? dir, config = {}, ...record } = options;
  const inner = recordRun(dir, record);
  const historyPath = join(dir, "history.jsonl");
  const log = new LineLog(historyPath, record.onFailure ?? warn);
  let plan: Plan | null = null;
  let began = 0;
  let [rows, training] = [0, 0];
  const history: EpochRecord[] = [];

  return {
    ...inner,
    async start(event, run) {
      run.keptIn(dir);
      plan = event.plan;
      [began, rows, training] = [performance.now(), 0, 0];
      history.splice(0, history.length, ...event.history);
      const { epochs, batchSize, rows: rowsOfData, parameters, device } = plan;
      const facts = { epochs, batchSize, rows: rowsOfData, parameters, device, ...config };
      await ensureFolder(dir);
      const writeConfig = async (): Promise<void> => {
        const about = { nabla: await ownVersion(), name, started: new Date().toISOString() };
        await writeFileAtomic(join(dir, "config.json"), json({ ...about, ...facts }));
      };
      await Promise.all([
        inner.start?.(event, run),
        writeConfig(),
        writeFileAtomic(historyPath, history.map(line).join("")),
      ]);
    },
    stepEnd(event, run) {
      rows += event.rows;
      training += event.seconds;
      return inner.stepEnd?.(event, run);
    },
    epochEnd({ record }) {
      history.push(record);
      log.add(record);
    },
    async rollback(event, run) {
      history.splice(0, history.length, ...event.history);
      await log.flush();
      await writeFileAtomic(historyPath, history.map(line).join("")).catch(record.onFailure ?? warn);
      await inner.rollback?.(event, run);
    },
    async stop(event, run) {
      const { device = "", parameters = 0 } = plan ?? {};
      const last = history.at(-1);
      const summary = {
        run: name,
        device,
        seconds: Number(((performance.now() - began) / 1000).toFixed(3)),
        samplesPerSecond: training > 0 ? Math.round(rows / training) : 0,
        epochs: history.length,
        parameters,
        train: last?.train ?? null,
        validation: last?.validation ?? null,
      };
      await log.flush();
      await Promise.all([
        writeFileAtomic(historyPath, history.map(line).join("")),
        writeFileAtomic(join(dir, "summary.json"), json(summary)),
        inner.stop?.(event, run),
      ]);
    },
    async error(event, run) {
      await log.flush();
      await inner.error?.(event, run);
    },
  };
}

const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
const line = (record: EpochRecord): string => `${JSON.stringify(record)}\n`;
