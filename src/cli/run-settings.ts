/** <experiment>.run.json: the optimizer, learning rate and batch size chosen for an experiment, which nabla train takes. */
import { dirname, join, parse } from "node:path";
import { z } from "zod";
import { isMissing, readBytes, writeFileAtomic } from "../files/index.ts";
import { suggestion } from "../train/index.ts";
import { DataError } from "../util/index.ts";
import { shortPath } from "./load.ts";
import { optimizerNames } from "./optimizers.ts";

const fields = {
  optimizer: [z.enum(optimizerNames), "the name of an optimizer"],
  learningRate: [z.number().positive(), "a number above 0"],
  batchSize: [z.int().gte(1), "a whole number of at least 1"],
  chosenBy: [z.string(), "the command that chose, as text"],
  chosenAt: [z.iso.datetime(), "a time such as 2026-01-31T12:00:00Z"],
} as const satisfies Record<string, readonly [z.ZodType, string]>;

const names = Object.keys(fields);
const schema = z.strictObject({
  optimizer: fields.optimizer[0],
  learningRate: fields.learningRate[0],
  batchSize: fields.batchSize[0],
  /** As in `nabla compare`. */
  chosenBy: fields.chosenBy[0],
  chosenAt: fields.chosenAt[0],
});

export type RunSettings = z.infer<typeof schema>;

/** Beside the experiment: mnist.ts has mnist.run.json. */
export function runSettingsPath(experiment: string): string {
  return join(dirname(experiment), `${parse(experiment).name}.run.json`);
}

/** Null where there is no such file. Throws FileError when it cannot be read, DataError that names what is wrong in it. */
export async function readRunSettings(experiment: string): Promise<RunSettings | null> {
  const path = runSettingsPath(experiment);
  let text: string;
  try {
    text = new TextDecoder().decode(await readBytes(path));
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  const name = shortPath(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DataError(`${name}: must be JSON; got ${(error as Error).message}. Mend it, or delete it.`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new DataError(`${name}: ${complaint(parsed.error.issues, value)}`);
}

/** An unknown name first: a missing field is often a mistyped one. */
function complaint([issue, ...more]: readonly z.core.$ZodIssue[], value: unknown): string {
  const unknown = [issue, ...more].find((other) => other?.code === "unrecognized_keys");
  if (unknown?.code === "unrecognized_keys") {
    const key = unknown.keys[0] ?? "";
    return `there is no field "${key}".${suggestion(key, names)}`;
  }
  const field = String(issue?.path[0] ?? "");
  const what = Object.entries(fields).find(([name]) => name === field)?.[1][1];
  if (what === undefined) return `must be an object with ${names.join(", ")}.`;
  const got = (value as Record<string, unknown>)[field];
  if (got === undefined) return `the field "${field}" is missing; it must be ${what}.`;
  const hint = field === "optimizer" && typeof got === "string" ? suggestion(got, optimizerNames) : "";
  return `${field} must be ${what}; got ${JSON.stringify(got)}.${hint}`;
}

/**
 * Writes the settings, whole or not at all, and gives what that changes, a line for each field.
 * Throws as `readRunSettings`: what cannot be read is not replaced, since its difference could not be shown.
 */
export async function applyRunSettings(experiment: string, settings: RunSettings): Promise<string> {
  const before = await readRunSettings(experiment);
  const path = runSettingsPath(experiment);
  await writeFileAtomic(path, `${JSON.stringify(settings, null, 2)}\n`);
  const fields = ["optimizer", "learningRate", "batchSize"] as const;
  const lines = fields.map((field) => {
    const [old, now] = [before?.[field], settings[field]];
    return old === undefined || old === now ? `  ${field}: ${now}` : `  ${field}: ${old} -> ${now}`;
  });
  const done =
    before === null
      ? "written"
      : fields.some((field) => before[field] !== settings[field])
        ? "changed"
        : "as it was";
  return [`${shortPath(path)}: ${done}; nabla train takes it`, ...lines].join("\n");
}

/** What of the settings a run takes: an optimizer given on the command line leaves the rate out too, since that was chosen for another. */
export function withRunSettings(
  {
    optimizer,
    lr,
    batchSize,
  }: { readonly optimizer?: string; readonly lr?: number; readonly batchSize?: number },
  settings: RunSettings | null,
): Partial<Pick<RunSettings, "optimizer" | "learningRate" | "batchSize">> {
  const own = optimizer === undefined ? settings : null;
  return {
    optimizer: optimizer ?? own?.optimizer,
    learningRate: lr ?? own?.learningRate,
    batchSize: batchSize ?? settings?.batchSize,
  };
}

/** As in `mnist.run.json: adam at 0.003, batch 128 (nabla compare, 2026-01-31)`; what the command line replaced is not named. */
export function describeRunSettings(
  experiment: string,
  settings: RunSettings,
  taken: ReturnType<typeof withRunSettings>,
): string {
  const words = [
    taken.optimizer === settings.optimizer ? `optimizer ${settings.optimizer}` : "",
    taken.learningRate === settings.learningRate ? `learning rate ${settings.learningRate}` : "",
    taken.batchSize === settings.batchSize ? `batch size ${settings.batchSize}` : "",
  ].filter((part) => part !== "");
  const what = words.length === 0 ? "the command line replaces all of it" : words.join(", ");
  return `${shortPath(runSettingsPath(experiment))}: ${what} (${settings.chosenBy}, ${settings.chosenAt.slice(0, 10)})`;
}
