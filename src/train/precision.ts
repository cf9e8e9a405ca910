/** Mixed precision of a training: what a Trainer is told of it, and what a checkpoint must agree with. */
import type { MatmulPrecision, StorageType } from "../engine/tensor/index.ts";
import { ConfigError, suggestion } from "../util/index.ts";

/**
 * What activations are stored in, while parameters, optimizer state and all computing stay f32.
 * bf16 and f16 round what products and convolutions read and make (see `autocastPolicy`); bf16 also makes matrix products round
 * their operands to bf16 (`matmulPrecision: "bf16"`), and f16 scales the loss.
 */
export type Precision = "f32" | StorageType;

export const precisions = ["f32", "bf16", "f16"] as const satisfies readonly Precision[];

/** Both precisions of a Trainer. Throws ConfigError for a name that is none. */
export function readPrecision(
  precision: Precision = "f32",
  matmulPrecision: MatmulPrecision | undefined,
): { readonly precision: Precision; readonly matmulPrecision: MatmulPrecision } {
  if (!precisions.includes(precision)) {
    const hint = suggestion(String(precision), precisions);
    throw new ConfigError(
      `Trainer: precision must be "f32", "bf16" or "f16"; got ${String(precision)}.${hint}`,
    );
  }
  return { precision, matmulPrecision: matmulPrecision ?? (precision === "bf16" ? "bf16" : "f32") };
}

/** Throws ConfigError where a checkpoint is of a training in another precision; those of before there was one are f32. */
export function checkPrecision(was: Precision | undefined, now: Precision = "f32", dir: string): void {
  const before = was ?? "f32";
  if (before === now) return;
  throw new ConfigError(
    `${dir}: was trained with precision "${before}", and this trainer has "${now}". Give it precision: "${before}" to go on to the same bits, or load() its parameters to begin anew.`,
  );
}
