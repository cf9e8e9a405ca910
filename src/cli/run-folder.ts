/** A run's folder: runs/<name>-<time>/ with config.json, history.jsonl, checkpoint/ and summary.json. */
import { dirname, join, relative, resolve } from "node:path";
import { z } from "zod";
import { Preparation } from "../data/index.ts";
import {
  appendToFile,
  ensureFolder,
  ensureWritable,
  isMissing,
  lookAt,
  newFolder,
  readBytes,
  writeFileAtomic,
} from "../files/index.ts";
import { hasCheckpoint } from "../io/index.ts";
import { type EpochRecord, precisions } from "../train/index.ts";
import { ConfigError, DataError, FileError } from "../util/index.ts";
import { UsageError } from "./exit.ts";
import { shortPath } from "./load.ts";

const schema = z.object({
  /** The version that made the run. */
  nabla: z.string(),
  name: z.string(),
  /** The experiment file, relative to the run's folder: a project can be moved as a whole. */
  experiment: z.string(),
  started: z.string(),
  epochs: z.int(),
  /** Null where it changes, as the experiment says. */
  batchSize: z.int().nullable(),
  seed: z.int(),
  /** What was given on the command line in place of the experiment's own. */
  optimizer: z.string().nullable(),
  learningRate: z.number().nullable(),
  nanGuard: z.enum(["rollback", "stop"]).nullable().default(null),
  /** Runs of before there was one are f32. */
  precision: z.enum(precisions).default("f32"),
  device: z.string(),
});

export type RunConfig = z.infer<typeof schema>;

export class RunFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get checkpoint(): string {
    return join(this.path, "checkpoint");
  }

  /** Writes config.json and an empty history, having shown that the folder can be written. Throws FileError. */
  async begin(config: RunConfig): Promise<void> {
    await ensureWritable(this.path);
    await this.writeConfig(config);
    await this.writeHistory([]);
  }

  async writeConfig(config: RunConfig): Promise<void> {
    await writeFileAtomic(join(this.path, "config.json"), json(config));
  }

  async writeHistory(records: readonly EpochRecord[]): Promise<void> {
    await writeFileAtomic(
      join(this.path, "history.jsonl"),
      records.map((record) => `${JSON.stringify(record)}\n`).join(""),
    );
  }

  async appendHistory(record: EpochRecord): Promise<void> {
    await appendToFile(join(this.path, "history.jsonl"), `${JSON.stringify(record)}\n`);
  }

  async writeSummary(summary: object): Promise<void> {
    await writeFileAtomic(join(this.path, "summary.json"), json(summary));
  }

  /** Throws FileError or DataError when there is none or it is damaged. */
  async config(): Promise<RunConfig> {
    const path = join(this.path, "config.json");
    let text: string;
    try {
      text = new TextDecoder().decode(await readBytes(path));
    } catch (error) {
      if (!isMissing(error)) throw error;
      throw new ConfigError(
        `${shortPath(this.path)}: must be the folder of a run; it has no config.json. Check the path.`,
      );
    }
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch (error) {
      throw new DataError(
        `${shortPath(path)}: must be JSON; got ${(error as Error).message}. The file is damaged.`,
      );
    }
    const config = schema.safeParse(parsed);
    if (config.success) return config.data;
    const issue = config.error.issues[0];
    throw new DataError(
      `${shortPath(path)}: ${issue?.path.join("/") || "the file"} is not right (${issue?.message}).`,
    );
  }

  async writePreparation(preparation: Preparation): Promise<void> {
    await writeFileAtomic(join(this.path, "preparation.json"), json(preparation.toJSON()));
  }

  /** Throws ConfigError where the run was not of a table, FileError or DataError where it cannot be read. */
  async preparation(): Promise<Preparation> {
    const path = join(this.path, "preparation.json");
    try {
      return Preparation.from(JSON.parse(new TextDecoder().decode(await readBytes(path))));
    } catch (error) {
      if (isMissing(error)) {
        throw new ConfigError(
          `${shortPath(this.path)}: must be a run whose data has a preparation, as tabularData() gives; it has no preparation.json.`,
        );
      }
      if (error instanceof SyntaxError) {
        throw new DataError(`${shortPath(path)}: must be JSON; got ${error.message}. The file is damaged.`);
      }
      if (error instanceof DataError) error.message = `${shortPath(path)}: ${error.message}`;
      throw error;
    }
  }

  experimentFile(config: RunConfig): string {
    return resolve(this.path, config.experiment);
  }

  /** How the folder names an experiment file. */
  reference(experiment: string): string {
    return relative(this.path, resolve(experiment));
  }
}

const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

/** 20261123-154200, in local time. */
function timestamp(date: Date): string {
  const pad = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}${pad(date.getMonth() + 1)}${pad(date.getDate())}`;
  return `${day}-${pad(date.getHours())}${pad(date.getMinutes())}${pad(date.getSeconds())}`;
}

/**
 * A new folder: `out` where given, else runs/<name>-<time> in the current folder (with -2, -3, ... when that is taken).
 * Throws UsageError when `out` holds a run already, FileError when it cannot be created.
 */
export async function newRunFolder(name: string, out: string | undefined): Promise<RunFolder> {
  if (out !== undefined) {
    const folder = new RunFolder(resolve(out));
    if (await holdsRun(folder)) {
      throw new UsageError(
        `--out: ${shortPath(folder.path)} holds a run already. Choose another folder, or go on with it: nabla train --resume ${shortPath(folder.path)}`,
      );
    }
    return folder;
  }
  const base = resolve("runs", `${name.replaceAll(" ", "-")}-${timestamp(new Date())}`);
  await ensureFolder(dirname(base));
  for (let count = 1; ; count++) {
    const path = count === 1 ? base : `${base}-${count}`;
    try {
      await newFolder(path);
      return new RunFolder(path);
    } catch (error) {
      if (!(error instanceof FileError) || error.code !== "EEXIST") throw error;
    }
  }
}

/** A folder where a run began and nothing was reached yet may be used again. */
async function holdsRun(folder: RunFolder): Promise<boolean> {
  if (await hasCheckpoint(folder.checkpoint)) return true;
  try {
    return (await lookAt(join(folder.path, "history.jsonl"))).bytes > 0;
  } catch {
    return false; // it cannot be read: that it cannot be written either is said when the run begins
  }
}
