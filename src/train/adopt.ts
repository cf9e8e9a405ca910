/** Taking over what was set in a model between two calls of its trainer. */
import { copyTree } from "../io/index.ts";
import type { Tensors } from "../nn/index.ts";
import type { Params } from "./state.ts";

export const sameKeys = (a: Params, b: Tensors): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.keys(a).every((key) => key in b);

export const same = (known: Params, now: Tensors): boolean =>
  Object.entries(now).every(([path, tensor]) => known[path] === tensor);

/** The model's tensors: the state's own where they are those, else copies. */
export async function adopt(mine: Params, models: Tensors, device: string): Promise<Params> {
  const out: Params = {};
  for (const [path, tensor] of Object.entries(models)) {
    out[path] = mine[path] === tensor ? tensor : await copyTree(tensor, device);
  }
  return out;
}
