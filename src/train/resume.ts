/** What a checkpoint's manifest says of the run it was taken from. */
import { z } from "zod";
import type { Manifest } from "../io/index.ts";
import { ConfigError, DataError } from "../util/index.ts";
import type { CallbackStates } from "./callbacks.ts";
import type { EpochRecord, Position } from "./events.ts";
import type { NoiseState } from "./noise-scale.ts";
import { type Precision, precisions } from "./precision.ts";
import type { Savepoints } from "./savepoints.ts";

/** What decides which rows each step sees. */
export interface Resumed {
  readonly seed: number;
  readonly rows: number;
  /** Where it changes, how. */
  readonly batchSize: number | string;
  readonly shuffle: boolean;
  readonly dropLast: boolean;
  /** What gives the order, where it is not `shuffle`: a sampler, loader or stream. */
  readonly order?: string | undefined;
  /** Where it is not f32. */
  readonly precision?: Precision | undefined;
}

const count = z.int().nonnegative();
/** JSON has no NaN: it is written as null. */
const score = z.union([z.number(), z.null().transform(() => Number.NaN)]);
const scores = z.object({ loss: score }).catchall(score);
const record = z.object({
  epoch: count,
  step: count,
  train: scores,
  validation: scores.nullable(),
  batch: z
    .object({ size: count, learningRateFactor: z.number(), noiseScale: z.number().nullable() })
    .optional(),
});
const position = z.object({ epoch: count, batch: count, row: count, step: count });
const noise = z
  .object({ size: count, signal: z.number(), noise: z.number(), measurements: count, step: count })
  .nullable()
  .default(null);
const callbacks = z.record(z.string(), z.json()).default({});
const snapshots = z.record(z.string(), count.nullable()).default({});
const schema = z.object({
  // Checkpoints of before there was `row` have batches of one size.
  position: position.extend({ row: count.optional() }),
  history: z.array(record),
  run: z
    .object({
      seed: count,
      rows: count,
      batchSize: z.union([count, z.string()]),
      shuffle: z.boolean(),
      dropLast: z.boolean(),
      order: z.string().optional(),
      precision: z.enum(precisions).optional(),
    })
    .nullable(),
  noise,
  learningRateFactor: z.number().nonnegative().default(1),
  callbacks,
  snapshots,
  savepoints: z
    .record(z.string(), z.object({ position, noise, epochs: count, callbacks, snapshots }))
    .default({}),
});

export interface Saved {
  readonly position: Position;
  readonly history: EpochRecord[];
  readonly run: Resumed | null;
  readonly noise: NoiseState | null;
  /** By callback. */
  readonly callbacks: CallbackStates;
  /** The epochs their snapshots are of; null is before the first. */
  readonly snapshots: Readonly<Record<string, number | null>>;
  readonly learningRateFactor: number;
  readonly savepoints: ReturnType<Savepoints["facts"]>;
}

/** Throws DataError when the checkpoint was not saved by a Trainer. */
export function readManifest(manifest: Manifest, dir: string): Saved {
  const parsed = schema.safeParse(manifest.data);
  if (parsed.success) return withRow(parsed.data);
  const issue = parsed.error.issues[0];
  throw new DataError(
    `${dir}: must be a checkpoint of a Trainer; ${issue?.path.join("/") ?? "data"} is not right (${issue?.message}).`,
  );
}

/** The same; null for one that a Trainer did not save. */
export function manifestOf(manifest: Manifest): Saved | null {
  const parsed = schema.safeParse(manifest.data);
  return parsed.success ? withRow(parsed.data) : null;
}

function withRow(data: z.infer<typeof schema>): Saved {
  const { position, run } = data;
  const row = position.row ?? Math.min(position.batch * Number(run?.batchSize ?? 0), run?.rows ?? 0);
  return { ...data, position: { ...position, row } }; // in the order that it has: it is saved again
}

/** In the middle of an epoch only the same batches go on to the same bits. */
export function checkResumed(was: Resumed, now: Resumed, position: Position): void {
  const names = ["seed", "rows", "batchSize", "shuffle", "dropLast", "order"] as const;
  const changed = names.find((name) => was[name] !== now[name]);
  if (changed === undefined || position.batch === 0) return;
  throw new ConfigError(
    `fit: the resumed run stopped within epoch ${position.epoch + 1} with ${changed} ${was[changed]}; got ${now[changed]}. Go on with the same.`,
  );
}
