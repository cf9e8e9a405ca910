/** What the race is measured on: 784-128-128-10 on 50,000 images of MNIST, chosen by 10,000 others; the test images judge the choice. */
import { mnist, split } from "nabla/data";
import { crossEntropy, Linear, relu, Sequential } from "nabla/nn";
import { adam } from "nabla/optim";
import { defineExperiment, earlyStopping } from "nabla/train";

export default defineExperiment({
  name: "mnist-784-128-128-10",
  data: async () => {
    const { train: all, test } = await mnist();
    const [train, validation] = split(all, 5 / 6, 0);
    return { train, validation, test };
  },
  model: () => new Sequential(new Linear(784, 128), relu, new Linear(128, 128), relu, new Linear(128, 10)),
  loss: crossEntropy,
  optimizer: adam(1e-3),
  metrics: ["accuracy"],
  epochs: 10,
  // All ten, then back to the best: what both are judged by.
  callbacks: [earlyStopping({ monitor: "validation.loss", patience: 10 })],
});
