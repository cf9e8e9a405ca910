/** What a Trainer loads: the weights of one of a folder's checkpoints. */
import { type Kept, keptCheckpoints, loadCheckpoint, restoreTree, type TensorsByPath } from "../io/index.ts";
import { ConfigError, DataError } from "../util/index.ts";
import { worth } from "./keep.ts";
import { modeOf } from "./monitor.ts";
import { rejectUnknown } from "./options.ts";
import { manifestOf } from "./resume.ts";
import { splitCheckpoint } from "./shown.ts";
import type { Values } from "./state.ts";

export interface LoadOptions {
  /** Takes what has the path and shape of the model's, and leaves the rest of the model as it is. Default false: all must fit. */
  readonly partial?: boolean;
  /** Of several that were kept the newest (the default), or the one with the best monitored value. */
  readonly which?: "newest" | "best";
  /** What is best, as in `validation.loss`; default: what the run's `checkpoint` went by. */
  readonly monitor?: string;
  /** Whether smaller or larger is better; default: as the run's `checkpoint` had it, or by the name. */
  readonly mode?: "min" | "max";
}

/** Where not all fits. */
export const partialHint = " What fits of the weights is taken by trainer.load(dir, { partial: true }).";

/**
 * The tensors of a checkpoint that its run evaluated (averages, where it kept them), as `params/...` and `buffers/...`. Throws ConfigError
 * where none was measured and the best is asked for, DataError where not all fits these values, unless a part will do; and what `loadCheckpoint` throws.
 */
export async function weightsOf(
  dir: string,
  device: string,
  { params, buffers }: Values,
  options: LoadOptions,
): Promise<TensorsByPath> {
  rejectUnknown("load", options, ["partial", "which", "monitor", "mode"]);
  const { which = "newest" } = options;
  if (which !== "newest" && which !== "best")
    throw new ConfigError(`load: which must be "newest" or "best"; got ${JSON.stringify(which)}.`);
  const number = which === "best" ? bestOfKept(dir, await keptCheckpoints(dir), options).number : undefined;
  const { tensors } = await loadCheckpoint(dir, { device, ...(number !== undefined && { number }) });
  const { trained, evaluated } = splitCheckpoint(tensors);
  const found = Object.fromEntries(
    Object.entries(evaluated ?? trained).filter(([path]) => /^(params|buffers)\//.test(path)),
  );
  if (options.partial !== true) restoreTree({ params, buffers }, found, dir, partialHint);
  return found;
}

/** Of equally good ones the earlier. */
function bestOfKept(dir: string, kept: readonly Kept[], options: LoadOptions): Kept {
  const used = kept
    .map(({ manifest }) => usedBy(manifestOf(manifest)?.callbacks.checkpoint))
    .findLast(Boolean);
  const monitor = options.monitor ?? used?.monitor ?? "validation.loss";
  const mode = options.mode ?? (monitor === used?.monitor ? used.mode : modeOf(monitor));
  const sign = mode === "min" ? 1 : -1;
  let best: { readonly one: Kept; readonly value: number } | null = null;
  for (const one of kept) {
    const value = worth(one, monitor);
    if (value !== null && (best === null || sign * (value - best.value) < 0)) best = { one, value };
  }
  if (best !== null) return best.one;
  if (kept.length === 0)
    throw new DataError(
      `${dir}: holds no checkpoint of several to choose the best of. Save with { keep: { last, best } }.`,
    );
  throw new ConfigError(
    `${dir}: none of its ${kept.length} checkpoints has a ${monitor}. Give another monitor.`,
  );
}

/** What the `checkpoint` callback of a run has said of itself. */
function usedBy(state: unknown): { readonly monitor: string; readonly mode: "min" | "max" } | null {
  if (typeof state !== "object" || state === null || !("monitor" in state) || !("mode" in state)) return null;
  const { monitor, mode } = state;
  return typeof monitor === "string" && (mode === "min" || mode === "max") ? { monitor, mode } : null;
}
