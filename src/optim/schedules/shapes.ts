/** Formulas that several schedules share. */
import type { Maths } from "./maths.ts";

/** A straight line, or half a cosine. */
export type Anneal = "linear" | "cos";

/** values[i] from step boundaries[i - 1] on: numbers are picked as they are, so no rounding moves a piece. */
export function pick<T>(
  maths: Maths<T>,
  step: T,
  values: readonly (T | number)[],
  boundaries: readonly number[],
): T {
  let value = maths.add(maths.mul(step, 0), values.at(-1) as T | number);
  for (let i = boundaries.length - 1; i >= 0; i--) {
    value = maths.ifLess(step, boundaries[i] as number, values[i] as T | number, value);
  }
  return value;
}

/**
 * From `from` at step 0 to `to` at step `length`, and `to` from there.
 * The shares done and left are computed each by itself: 1 - share would lose its digits near the end in f32.
 */
export function anneal<T>(
  maths: Maths<T>,
  shape: Anneal,
  step: T,
  length: T | number,
  from: T | number,
  to: number,
): T {
  const at = maths.min(step, length);
  const share = (part: T): T => {
    const straight = maths.div(part, length);
    if (shape === "linear") return straight;
    // (1 - cos x) / 2 = sin(x / 2)^2, which has all its digits near 0
    const root = maths.sin(maths.mul(straight, Math.PI / 2));
    return maths.mul(root, root);
  };
  if (from === 0) return maths.mul(share(at), to);
  const left = maths.mul(share(maths.sub(length, at)), from);
  return to === 0 ? left : maths.add(left, maths.mul(share(at), to));
}
