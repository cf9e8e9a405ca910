/** Whether a training state holds what is no number any more. */
import { isFloat } from "../engine/ir/index.ts";
import { Tensor } from "../engine/tensor/index.ts";
import { flattenTree } from "../util/index.ts";
import type { TrainState } from "./state.ts";

/**
 * The path of the first tensor that holds a NaN or an infinity; null where there is none. Buffers may hold infinities: masks are made of
 * them.
 */
export async function notFiniteIn({ params, buffers, optimizer }: TrainState): Promise<string | null> {
  const { leaves, paths } = flattenTree({ params, buffers, optimizer });
  for (const [index, leaf] of leaves.entries()) {
    if (!(leaf instanceof Tensor)) continue;
    const path = paths[index] as string;
    if (!isFloat(leaf.dtype)) continue;
    const read = await leaf.data();
    const values = read instanceof Float32Array ? read : Float32Array.from(read, Number);
    if (path.startsWith("buffers/") ? holdsNaN(values) : !allFinite(values)) return path;
  }
  return null;
}

// Plain loops: there may be a hundred million numbers.

function allFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) * 0; // 0 for finite ones, else NaN
  return sum === 0;
}

function holdsNaN(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) return true;
  return false;
}
