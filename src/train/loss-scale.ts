/** Dynamic loss scaling: keeps f16 gradients off the ends of their range, inside the step. */
import { isfinite, type Tensor, tensor, where } from "../engine/tensor/index.ts";

/** Part of the training state where gradients are f16. */
export interface LossScale {
  /** f32: what the loss is times. */
  readonly scale: Tensor;
  /** i32: steps with finite gradients since the scale last changed. */
  readonly good: Tensor;
}

/** The defaults of torch.amp.GradScaler. */
const FIRST = 2 ** 16;
const GROWTH = 2;
const BACKOFF = 0.5;
const GROWTH_INTERVAL = 2000;

export const firstLossScale = (device: string): LossScale => ({
  scale: tensor(FIRST, { dtype: "f32", device }),
  good: tensor(0, { dtype: "i32", device }),
});

/**
 * The scale after a step: half of it where gradients were not all finite, twice it after 2000 finite ones in a row (as long as it stays
 * finite itself). Micikevicius et al., "Mixed precision training", 2018; the rule is that of torch.amp.GradScaler.
 * @param finite bool, 0-d.
 */
export function nextLossScale(
  { scale, good }: LossScale,
  finite: Tensor,
  interval = GROWTH_INTERVAL,
): LossScale {
  const counted = good.add(1);
  const due = counted.ge(interval);
  const grown = scale.mul(GROWTH);
  const next = where(due, where(isfinite(grown), grown, scale), scale);
  return {
    scale: where(finite, next, scale.mul(BACKOFF)),
    good: where(finite, where(due, 0, counted), 0),
  };
}

/** Gradients of the scaled loss as those of the loss, and whether all are finite: bool, 0-d. */
export function unscaled(
  grads: Readonly<Record<string, Tensor>>,
  { scale }: LossScale,
): { readonly grads: Record<string, Tensor>; readonly finite: Tensor } {
  const entries = Object.entries(grads);
  const plain = entries.map(([path, g]) => [path, g.div(scale)] as const);
  // A sum has no finite value where a term has none; one that overflows in f32 by itself is of no use either.
  const sum = plain.map(([, g]) => g.sum()).reduce((total, part) => total.add(part));
  return { grads: Object.fromEntries(plain), finite: isfinite(sum) };
}
