/** What the optimizers that find their learning rate share: sums over whole trees, and the estimate that only grows. */
import { maximum, type Tensor, where } from "../../engine/tensor/index.ts";
import { flattenTree } from "../../util/index.ts";
import { mapTensors, type TensorTree } from "../optimizer.ts";
import { type Mask, mapTaken } from "./which.ts";

/** The sum of all elements of all tensors: 0-d. */
export const totalOf = (tree: TensorTree): Tensor =>
  (flattenTree(tree).leaves as Tensor[]).map((leaf) => leaf.sum()).reduce((sum, next) => sum.add(next));

/** max(distance, numerator / |sums|), with the 1-norm; `distance` where all gradients so far were 0. */
export function grown(op: string, distance: Tensor, numerator: Tensor, sums: TensorTree): Tensor {
  const size = totalOf(mapTensors(op, (s) => s.abs(), sums));
  return maximum(distance, where(size.gt(0), numerator.div(size), 0));
}

/** updates - rate * weightDecay * params, for the parameters that the mask picks. */
export function withDecay<P extends TensorTree>(
  op: string,
  updates: P,
  params: P,
  rate: Tensor | null,
  takes: Mask,
): P {
  if (rate === null) return updates;
  return mapTaken(op, takes, (u, p) => u.sub(p.mul(rate)), updates, params);
}
