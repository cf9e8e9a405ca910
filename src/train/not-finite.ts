/** Whether a training state holds what is no number any more. */
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
    const wrong = path.startsWith("buffers/") ? Number.isNaN : (value: number) => !Number.isFinite(value);
    const values = await leaf.data();
    if (values.some((value) => wrong(Number(value)))) return path;
  }
  return null;
}
