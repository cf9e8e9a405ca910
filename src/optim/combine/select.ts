/** Choosing between two states. */
import { type Tensor, where } from "../../engine/tensor/index.ts";
import { mapTensors, type TensorTree } from "../optimizer.ts";

/** The leaves of `yes` where the 0-d condition holds, else those of `no`. */
export function select<T extends TensorTree>(op: string, condition: Tensor, yes: T, no: T): T {
  return mapTensors(op, (a, b) => where(condition, a, b as Tensor), yes, no);
}
