/**
 * An LSTM that reads each image of MNIST from top to bottom, a row of 28 pixels at a time, and then says which digit it was.
 * Run it with `npx nabla train examples/lstm.ts`.
 */
import type { Tensor } from "nabla";
import { mnist } from "nabla/data";
import { crossEntropy, Linear, LSTM, Sequential } from "nabla/nn";
import { adam, chain, clipByGlobalNorm } from "nabla/optim";
import { defineExperiment } from "nabla/train";

export default defineExperiment({
  name: "lstm",
  data: () => mnist(),
  model: () =>
    new Sequential(
      (x: Tensor) => x.reshape([-1, 28, 28]), // 28 steps of 28 numbers
      new LSTM(28, 128, { returnSequences: false }),
      new Linear(128, 10),
    ),
  loss: crossEntropy,
  optimizer: chain(clipByGlobalNorm(1), adam(2e-3)),
  metrics: ["accuracy"],
  epochs: 3,
  batchSize: 128,
  seed: 0,
});
