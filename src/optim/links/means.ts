/** Decaying means over a tree: what the adaptive links remember. */
import { type Tensor, tensor } from "../../engine/tensor/index.ts";
import { mapTensors, settled, type TensorTree } from "../optimizer.ts";

/** m <- keep m + share g. */
export const meanOf = (op: string, grads: TensorTree, mean: TensorTree, keep: Tensor, share: Tensor) =>
  mapTensors(op, (g, m) => settled(m.mul(keep).add(g.mul(share))), grads, mean);

/** v <- keep v + share g^2. */
export const meanOfSquares = (op: string, grads: TensorTree, mean: TensorTree, keep: Tensor, share: Tensor) =>
  mapTensors(op, (g, v) => settled(v.mul(keep).add(g.square().mul(share))), grads, mean);

/** 0-d zeros: for counts of steps (i32), and for running means of 1, which start there as all means do. */
export const zeroOn = (device: string, dtype: "f32" | "i32" = "f32"): Tensor => tensor(0, { dtype, device });
