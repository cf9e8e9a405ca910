export { type BceOptions, bceWithLogits } from "./bce.ts";
export { type CrossEntropyOptions, crossEntropy } from "./cross-entropy.ts";
export type { LossOptions, Reduction } from "./reduction.ts";
export { type HuberOptions, huber, mae, mse } from "./regression.ts";
