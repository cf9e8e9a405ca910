/** What a run's folder says, read with patience: what is damaged is named, and the rest stands. */
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { isMissing, lookAt, readBytes, readLines } from "../../files/index.ts";
import { ConfigError } from "../../util/index.ts";
import type { Profile } from "../profile/profile.ts";
import { profileFile, profileSchema } from "../profile/profile-file.ts";
import { type ClassEvaluation, classEvaluationSchema } from "./class-evaluation.ts";
import { samplesSchema } from "./samples.ts";
import { type RecordedSamples, recordedSamples } from "./samples-record.ts";
import { readStatus, type StatusRecord } from "./status.ts";

// JSON has no NaN: what was none is null.
const number = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);
const scores = z.record(z.string(), number);
const epochSchema = z.object({ epoch: z.int(), step: z.int(), train: scores, validation: scores.nullable() });
const stepSchema = z.object({
  step: z.int(),
  epoch: z.int(),
  train: scores,
  hyperparameters: z.record(z.string(), number),
  samplesPerSecond: number,
  waiting: number,
  seconds: number,
});
const telemetrySchema = z.object({
  step: z.int(),
  layers: z.array(
    z.object({ path: z.string(), gradientNorm: number, weightNorm: number, updateNorm: number }),
  ),
});
const findingSchema = z.object({
  id: z.string(),
  severity: z.enum(["info", "warning", "severe"]),
  text: z.string(),
  evidence: z.record(z.string(), z.union([z.number(), z.string(), z.null()])).default({}),
  remedies: z.array(z.looseObject({ kind: z.string() })).default([]),
});
const configSchema = z.looseObject({
  name: z.string(),
  started: z.string(),
  epochs: z.int().nullable().optional(),
});
const environmentSchema = z.looseObject({ device: z.string() });
const summarySchema = z.looseObject({ seconds: number, samplesPerSecond: number });

export type RecordedEpoch = z.infer<typeof epochSchema>;
export type RecordedStep = z.infer<typeof stepSchema>;
export type RecordedTelemetry = z.infer<typeof telemetrySchema>;
export type RecordedFinding = z.infer<typeof findingSchema>;

export interface RunRecord {
  readonly path: string;
  readonly name: string;
  readonly config: z.infer<typeof configSchema> | null;
  readonly environment: z.infer<typeof environmentSchema> | null;
  readonly status: StatusRecord | null;
  readonly summary: z.infer<typeof summarySchema> | null;
  readonly history: readonly RecordedEpoch[];
  readonly steps: readonly RecordedStep[];
  readonly telemetry: readonly RecordedTelemetry[];
  readonly findings: readonly RecordedFinding[];
  readonly evaluation: ClassEvaluation | null;
  readonly samples: RecordedSamples;
  readonly plan: string | null;
  /** Of `--profile`. */
  readonly profile: Profile | null;
  /** Files that are damaged or cannot be read, in a sentence each. */
  readonly problems: readonly string[];
}

/** @throws ConfigError where the folder holds nothing of a run, FileError where it cannot be looked at */
export async function readRun(path: string): Promise<RunRecord> {
  const folder = resolve(path);
  if ((await lookAt(folder)).kind !== "folder")
    throw new ConfigError(`${path}: must be the folder of a run; it is a file. Check the path.`);
  const reader = new Reader(folder);
  const config = await reader.json("config.json", configSchema);
  const history = await reader.lines("history.jsonl", epochSchema);
  if (config === null && history.length === 0 && reader.problems.length === 0)
    throw new ConfigError(`${path}: must be the folder of a run; it has no config.json. Check the path.`);
  const listed = z.union([z.array(findingSchema), z.object({ findings: z.array(findingSchema) })]);
  const findings = await reader.json("findings.json", listed);
  return {
    path: folder,
    name: config?.name ?? basename(folder),
    config,
    history,
    environment: await reader.json("environment.json", environmentSchema),
    status: await reader.attempt("status.json", () => readStatus(join(folder, "status.json"))),
    summary: await reader.json("summary.json", summarySchema),
    steps: await reader.lines("steps.jsonl", stepSchema),
    telemetry: await reader.lines("telemetry.jsonl", telemetrySchema),
    findings: findings === null ? [] : "findings" in findings ? findings.findings : findings,
    evaluation: await reader.json("evaluation.json", classEvaluationSchema),
    samples: await recordedSamples(await reader.lines("samples.jsonl", samplesSchema), (name) =>
      reader.attempt(name, () => readBytes(join(folder, name), { most: 1 << 22 })),
    ),
    plan: await reader.text("plan.txt"),
    profile: await reader.json(profileFile, profileSchema),
    problems: reader.problems,
  };
}

class Reader {
  readonly problems: string[] = [];
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Null where the file is not there, or fails, which is noted. */
  async attempt<T>(name: string, read: () => Promise<T>): Promise<T | null> {
    try {
      return await read();
    } catch (error) {
      if (!isMissing(error)) this.problems.push(`${name}: ${reasonOf(error)}`);
      return null;
    }
  }

  text(name: string): Promise<string | null> {
    return this.attempt(name, async () =>
      new TextDecoder().decode(await readBytes(join(this.#folder, name), { most: 1 << 28 })),
    );
  }

  async json<S extends z.ZodType>(name: string, schema: S): Promise<z.infer<S> | null> {
    const text = await this.text(name);
    if (text === null) return null;
    return this.attempt(name, async () => schema.parse(JSON.parse(text)));
  }

  async lines<S extends z.ZodType>(name: string, schema: S): Promise<z.infer<S>[]> {
    const found = await this.attempt(name, () => readLines(join(this.#folder, name)));
    if (found === null) return [];
    const read = found.lines.map((line) => schema.safeParse(line));
    const damaged = found.damaged + read.filter(({ success }) => !success).length;
    if (damaged > 0) this.problems.push(`${name}: ${damaged} lines are damaged and left out`);
    return read.flatMap((line) => (line.success ? [line.data] : []));
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError) {
    const issue = error.issues[0];
    return `${issue?.path.join("/") || "the file"} is not right (${issue?.message})`;
  }
  if (error instanceof SyntaxError) return `must be JSON (${error.message})`;
  return error instanceof Error ? error.message : String(error);
}
