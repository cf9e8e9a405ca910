/** telemetry.jsonl: what a run's steps measured, a line each, written while it trains and read back by `nabla doctor`. */
import { join } from "node:path";
import { z } from "zod";
import { appendToFile, readBytes, writeFileAtomic } from "../files/index.ts";
import type { Callback, Position, Telemetry } from "../train/index.ts";
import { DataError, FileError } from "../util/index.ts";

/** JSON has no NaN and no infinity: they are written as null, and read as NaN. */
const number = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);

const schema = z.object({
  step: z.int().gte(0),
  loss: number,
  layers: z.array(
    z.object({
      path: z.string(),
      size: z.int(),
      gradientNorm: number,
      weightNorm: number,
      updateNorm: number,
    }),
  ),
  activations: z.array(
    z.object({
      path: z.string(),
      kind: z.string(),
      units: z.int(),
      mean: number,
      variance: number,
      spread: number,
      dead: number,
      saturated: z.number().nullable(),
    }),
  ),
});

export const telemetryFile = "telemetry.jsonl";

const MOST_BYTES = 1 << 28;

/**
 * A callback that keeps telemetry in `<folder>/telemetry.jsonl`; lines of steps that a resumed run takes again are replaced. `onFailure`
 * gets what went wrong in writing, and training goes on.
 * @example new Trainer({ ..., callbacks: [telemetryRecorder("runs/mnist")] });
 */
export function telemetryRecorder(
  folder: string,
  { onFailure }: { readonly onFailure?: (error: unknown) => void } = {},
): Callback {
  const path = join(folder, telemetryFile);
  let failed = false;
  const guarded = async (write: () => Promise<void>): Promise<void> => {
    if (failed) return;
    try {
      await write();
    } catch (error) {
      failed = true; // said once
      if (onFailure === undefined) throw error;
      onFailure(error);
    }
  };
  /** What is to come again is left out. */
  const begin = ({ position }: { readonly position: Position }): Promise<void> =>
    guarded(async () => {
      const before = position.step === 0 ? [] : await readTelemetry(folder);
      const kept = before.filter(({ step }) => step < position.step);
      await writeFileAtomic(path, kept.map((sample) => `${JSON.stringify(sample)}\n`).join(""));
    });
  return {
    start: begin,
    rollback: begin,
    telemetry: ({ telemetry }) => guarded(() => appendToFile(path, `${JSON.stringify(telemetry)}\n`)),
  };
}

/**
 * What was recorded in a run's folder, in the order of steps; empty where there is none. A last line that was cut off is left out.
 * @throws DataError naming file and line for what is no telemetry; FileError where it cannot be read.
 */
export async function readTelemetry(folder: string): Promise<Telemetry[]> {
  const path = join(folder, telemetryFile);
  let bytes: Uint8Array;
  try {
    bytes = await readBytes(path);
  } catch (error) {
    if (error instanceof FileError && error.code === "ENOENT") return [];
    throw error;
  }
  if (bytes.length > MOST_BYTES)
    throw new DataError(`${path}: must be at most 256 MB; got ${bytes.length} bytes.`);
  const lines = new TextDecoder().decode(bytes).split("\n");
  const cut = lines.pop(); // empty where the file is whole
  return [...lines, ...(cut ? [cut] : [])].flatMap((line, at) => {
    const read = parsed(line);
    if (read !== null) return [read];
    if (at === lines.length) return [];
    throw new DataError(`${path}: line ${at + 1} must be telemetry as JSON. The file is damaged.`);
  });
}

function parsed(line: string): Telemetry | null {
  try {
    const result = schema.safeParse(JSON.parse(line));
    return result.success ? result.data : null;
  } catch {
    return null;
  }
}
