/** What a checkpoint's manifest says of the run it was taken from. */
import { z } from "zod";
import type { Manifest } from "../io/index.ts";
import { DataError } from "../util/index.ts";
import type { EpochRecord, Position } from "./events.ts";

/** What decides which rows each step sees. */
export interface Resumed {
  readonly seed: number;
  readonly rows: number;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly dropLast: boolean;
}

const count = z.int().nonnegative();
/** JSON has no NaN: it is written as null. */
const score = z.union([z.number(), z.null().transform(() => Number.NaN)]);
const scores = z.object({ loss: score }).catchall(score);
const schema = z.object({
  position: z.object({ epoch: count, batch: count, step: count }),
  history: z.array(z.object({ epoch: count, step: count, train: scores, validation: scores.nullable() })),
  run: z
    .object({ seed: count, rows: count, batchSize: count, shuffle: z.boolean(), dropLast: z.boolean() })
    .nullable(),
});

/** Throws DataError when the checkpoint was not saved by a Trainer. */
export function readManifest(
  manifest: Manifest,
  dir: string,
): { position: Position; history: EpochRecord[]; run: Resumed | null } {
  const parsed = schema.safeParse(manifest.data);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new DataError(
    `${dir}: must be a checkpoint of a Trainer; ${issue?.path.join("/") ?? "data"} is not right (${issue?.message}).`,
  );
}
