/**
 * The main job: a 784-128-128-10 network on all 60,000 training images of MNIST.
 * Run it with `npm start`, or `npx nabla train examples/mnist-mlp.ts --epochs 3`.
 */
import { mnist } from "nabla/data";
import { crossEntropy, Linear, relu, Sequential } from "nabla/nn";
import { adam } from "nabla/optim";
import { defineExperiment } from "nabla/train";

export default defineExperiment({
  name: "mnist-mlp",
  data: () => mnist(),
  model: () =>
    new Sequential(
      new Linear(784, 128), // each image is a row of 28 x 28 pixels in [0, 1]
      relu,
      new Linear(128, 128),
      relu,
      new Linear(128, 10), // logits: the loss applies the softmax
    ),
  loss: crossEntropy,
  optimizer: adam(1e-3),
  metrics: ["accuracy"],
  epochs: 10,
  batchSize: 32,
  seed: 0,
});
