/** What a JSON file adds to a model card: texts, and what functions of nabla/trust found. */
import { z } from "zod";
import { FileError, readBytes } from "../io/index.ts";
import type { ModelCard } from "../trust/index.ts";
import { ConfigError, DataError, suggestion } from "../util/index.ts";
import { shortPath } from "./load.ts";

/** NaN is null in JSON. */
const score = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);
const scores = z.record(z.string(), score);
const rate = z.number().nullable();
const calibrationScores = z.object({ logLoss: score, calibrationError: score });

const fields = {
  description: z.string(),
  intendedUse: z.string(),
  limitations: z.string(),
  data: z.string(),
  inputs: z.array(z.string()),
  target: z.string(),
  classes: z.array(z.string()),
  training: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
  scores: z.record(z.string(), z.record(z.string(), z.number().nullable())),
  groups: z.object({
    overall: scores,
    groups: z.array(
      z.object({
        group: z.string(),
        rows: z.int(),
        metrics: scores,
        rates: z.object({ selectionRate: rate, truePositiveRate: rate, falsePositiveRate: rate }).optional(),
      }),
    ),
    gaps: z.record(
      z.string(),
      z.object({ difference: rate, lowest: z.string().nullable(), highest: z.string().nullable() }),
    ),
    fairness: z
      .object({
        selectionRateDifference: rate,
        truePositiveRateDifference: rate,
        falsePositiveRateDifference: rate,
        equalisedOddsDifference: rate,
      })
      .optional(),
  }),
  robustness: z.object({
    rows: z.int(),
    clean: score,
    attacks: z.array(z.object({ epsilon: z.number(), accuracy: score })),
    noise: z.array(z.object({ deviation: z.number(), accuracy: score })),
  }),
  calibration: z.object({
    curve: z
      .object({
        bins: z.array(z.object({ low: score, high: score, rows: z.int(), predicted: score, actual: score })),
        expectedError: score,
        largestError: score,
      })
      .optional(),
    temperature: z
      .object({ temperature: score, before: calibrationScores, after: calibrationScores })
      .optional(),
    brier: score.optional(),
  }),
  importance: z.object({
    metric: z.string(),
    baseline: score,
    features: z.array(z.object({ name: z.string(), mean: score, deviation: score, values: z.array(score) })),
  }),
} satisfies Record<keyof Omit<ModelCard, "name">, z.ZodType>;

const schema = z.object(fields).partial();

/** The sections of a file. Throws FileError, DataError where it is damaged, ConfigError for a section that does not exist. */
export async function readSections(path: string): Promise<Omit<ModelCard, "name">> {
  const parsed = await readJson(path);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new DataError(`${shortPath(path)}: must be an object of sections, as { "intendedUse": "..." }.`);
  }
  const known = Object.keys(fields);
  for (const name of Object.keys(parsed)) {
    if (!known.includes(name)) {
      throw new ConfigError(`${shortPath(path)}: there is no section "${name}".${suggestion(name, known)}`);
    }
  }
  return checked(path, schema, parsed);
}

/** A JSON file of which nothing is known yet. Throws FileError, DataError where it is no JSON. */
export async function readJson(path: string): Promise<unknown> {
  const text = new TextDecoder().decode(await readBytes(path));
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new DataError(`${shortPath(path)}: must be JSON; got ${error.message}. The file is damaged.`);
  }
}

/** The same, or null where there is no such file. */
export async function readJsonIfThere(path: string): Promise<unknown> {
  try {
    return await readJson(path);
  } catch (error) {
    if (error instanceof FileError && error.code === "ENOENT") return null;
    throw error;
  }
}

/** What the schema makes of a file's value. Throws DataError naming the place. */
export function checked<T>(path: string, expected: z.ZodType<T>, value: unknown): T {
  const result = expected.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new DataError(
    `${shortPath(path)}: ${issue?.path.join("/") || "the file"} is not right (${issue?.message}).`,
  );
}
