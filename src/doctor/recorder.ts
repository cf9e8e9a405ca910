/** telemetry.jsonl: what a run's steps measured, a line each, written while it trains and read back by `nabla doctor`. */

import { join } from "node:path";
import { z } from "zod";
import { LineLog, readLines, startLines } from "../files/index.ts";
import type { Callback, Position, Telemetry } from "../train/index.ts";
import { warn } from "../util/index.ts";

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

/**
 * A callback that keeps telemetry in `<folder>/telemetry.jsonl`, beside training; lines of steps that a resumed run takes again are
 * replaced. `onFailure` gets what went wrong in writing, and training goes on; without it a folder that cannot be written ends the run at
 * its start, and what fails later is a warning. A function may name the folder when the run starts.
 * @example new Trainer({ ..., callbacks: [telemetryRecorder("runs/mnist")] });
 */
export function telemetryRecorder(
  folder: string | (() => string),
  { onFailure }: { readonly onFailure?: (error: unknown) => void } = {},
): Callback {
  let log: LineLog | null = null;
  /** What is to come again is left out. */
  const begin = async ({ position }: { readonly position: Position }): Promise<void> => {
    const path = join(typeof folder === "string" ? folder : folder(), telemetryFile);
    await log?.flush();
    log = null;
    try {
      await startLines(path, position.step - 1);
      log = new LineLog(path, onFailure ?? warn);
    } catch (error) {
      if (onFailure === undefined) throw error;
      onFailure(error);
    }
  };
  return {
    name: "telemetry recorder",
    start: begin,
    rollback: begin,
    telemetry: ({ telemetry }) => log?.add(telemetry),
    stop: () => log?.flush(),
    error: () => log?.flush(),
  };
}

/**
 * What was recorded in a run's folder, in the order of steps; empty where there is none. Lines that are damaged, as one that was cut off
 * when its process ended, are left out, and `onDamaged` is told how many.
 * @throws FileError where it cannot be read
 */
export async function readTelemetry(
  folder: string,
  onDamaged?: (lines: number) => void,
): Promise<Telemetry[]> {
  const { lines, damaged } = await readLines(join(folder, telemetryFile));
  const read = lines.flatMap((line) => {
    const result = schema.safeParse(line);
    return result.success ? [result.data] : [];
  });
  const lost = damaged + lines.length - read.length;
  if (lost > 0) onDamaged?.(lost);
  return read;
}
