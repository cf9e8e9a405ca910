/** findings.json: what was found of a run, and what of it no other file of the run's folder says. */
import { join } from "node:path";
import { z } from "zod";
import { isMissing, readBytes, writeFileAtomic } from "../files/index.ts";
import { DataError } from "../util/index.ts";
import type { Failure, Speed } from "./evidence.ts";
import type { Finding } from "./finding.ts";
import { type Look, lookSchema } from "./look.ts";
import { remedyWords } from "./remedy.ts";

export const findingsFile = "findings.json";

export interface Judgement {
  /** Steps taken by then. */
  readonly step: number;
  readonly findings: readonly Finding[];
  readonly failure: Failure | null;
  readonly speed: Speed | null;
  readonly looks: readonly Look[];
}

const schema = z.object({
  failure: z.object({ step: z.int().gte(0), operation: z.string() }).nullish(),
  speed: z.object({ waiting: z.number(), rowsPerSecond: z.number() }).nullish(),
  looks: z.array(lookSchema).default([]),
});

/** Remedies are written with their words, for those who read the file. @throws FileError */
export async function writeFindings(folder: string, { findings, ...rest }: Judgement): Promise<void> {
  const told = findings.map(({ remedies, ...finding }) => ({
    ...finding,
    remedies: remedies.map((remedy) => ({ ...remedy, text: remedyWords(remedy) })),
  }));
  const text = JSON.stringify({ ...rest, findings: told }, null, 2);
  await writeFileAtomic(join(folder, findingsFile), `${text}\n`);
}

/** What findings went by that is nowhere else. */
export type Judged = Pick<Judgement, "failure" | "speed" | "looks">;

export const nothingJudged: Judged = { failure: null, speed: null, looks: [] };

/** `nothingJudged` where there is no such file. @throws FileError, DataError */
export async function readJudgement(folder: string): Promise<Judged> {
  const path = join(folder, findingsFile);
  try {
    const text = new TextDecoder().decode(await readBytes(path, { most: 1 << 28 }));
    const { failure = null, speed = null, looks } = schema.parse(JSON.parse(text));
    return { failure, speed, looks };
  } catch (error) {
    if (isMissing(error)) return nothingJudged;
    if (error instanceof SyntaxError || error instanceof z.ZodError)
      throw new DataError(`${path}: must be findings as JSON. The file is damaged.`);
    throw error;
  }
}
