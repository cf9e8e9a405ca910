/** Training a multilayer perceptron: the job, its contestants and its least arithmetic. */
import { brainJs, jax, jaxJs, nabla, tfjs, torch } from "./contestants.ts";
import type { ArrayFile, Floor } from "./job.ts";
import type { PeerSpec } from "./peer.ts";

/** ReLU between the layers. */
export interface MlpJob {
  readonly sizes: readonly number[];
  /** bce: one logit, labels 0/1 as f32. mse: one number, f32. crossEntropy: logits, u8 classes. Mean over the batch. */
  readonly loss: "bce" | "mse" | "crossEntropy";
  /** Adam with betas 0.9, 0.999 and epsilon 1e-8; SGD without momentum. */
  readonly optimizer: "adam" | "sgd";
  readonly rows: number;
  /** bce, mse: f32 rows. crossEntropy: u8 pixels, to be divided by 255. */
  readonly inputs: ArrayFile;
  readonly labels: ArrayFile;
  /** f32: weight [in, out] and bias [out] of each layer in turn. */
  readonly weights: ArrayFile;
  /** Equal to rows: every step takes all rows in order. Else each epoch shuffles and takes whole batches only. */
  readonly batch: number;
  readonly learningRate: number;
  readonly threads: number;
}

/** nabla; PyTorch as users write it, with the fused Adam, its fastest, and with the passes compiled too; JAX; the fast of JavaScript. */
export const mlpContestants = (): PeerSpec[] => [
  ...nabla("mlp"),
  ...torch("mlp"),
  ...torch("mlp", { name: "PyTorch, fused Adam", args: ["--fused"] }),
  ...torch("mlp", { name: "PyTorch, compiled", args: ["--compile"] }),
  ...jax("mlp"),
  ...tfjs("mlp", "wasm"),
  ...jaxJs("mlp"),
];

/** Plain JavaScript: a step of a wide network would take it longer than all others' measurements together. */
export const plainMlpContestants = (): PeerSpec[] => [
  ...tfjs("mlp", "cpu"),
  ...brainJs("mlp", {
    otherMaths: "squared error through sigmoids, SGD with momentum on one sample at a time",
  }),
];

/** Products of one row forward and back: 6 flops a weight, 4 in the first layer, whose input needs no gradient. */
export function mlpFlops(sizes: readonly number[]): number {
  const [inputs = 0, hidden = 0] = sizes;
  const weights = sizes.slice(1).reduce((sum, outputs, i) => sum + outputs * (sizes[i] as number), 0);
  return 6 * weights - 2 * inputs * hidden;
}

/** The floor of one row (or of `rows` of them) by its matrix products alone. */
export const mlpFloor = (sizes: readonly number[], rows = 1): Floor => ({
  flops: rows * mlpFlops(sizes),
  note: `the matrix products alone, ${((rows * mlpFlops(sizes)) / 1e6).toPrecision(3)} MFLOP`,
});
