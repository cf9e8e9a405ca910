/**
 * A small network on Fashion-MNIST (see fashion-mnist.ts for the data) whose training images are flipped, moved by up to two pixels and
 * mixed. Run it with `npx nabla train examples/augmented.ts`; `npx nabla augment examples/augmented.ts --out sheet.png` shows them.
 */
import { augment, fashionMnist, horizontalFlip, mixup, randomCrop } from "nabla/data";
import { Conv2d, crossEntropy, Flatten, Linear, MaxPool2d, Reshape, relu, Sequential } from "nabla/nn";
import { adamW, warmupCosine } from "nabla/optim";
import { defineExperiment } from "nabla/train";

const epochs = 15;
const batchSize = 128;

export default defineExperiment({
  name: "augmented",
  data: () => fashionMnist({ ...(process.env.FASHION_MNIST && { dir: process.env.FASHION_MNIST }) }),
  model: () =>
    new Sequential(
      new Reshape([28, 28, 1]),
      new Conv2d(1, 16, 3, { padding: 1 }),
      relu,
      new MaxPool2d(2), // [14,14,16]
      new Conv2d(16, 32, 3, { padding: 1 }),
      relu,
      new MaxPool2d(2), // [7,7,32]
      new Flatten(),
      new Linear(7 * 7 * 32, 64),
      relu,
      new Linear(64, 10),
    ),
  augment: augment([horizontalFlip(), randomCrop({ padding: 2 }), mixup({ classes: 10 })], {
    shape: [28, 28, 1],
  }),
  loss: crossEntropy,
  optimizer: adamW(warmupCosine({ peak: 2e-3, warmup: 200, total: epochs * Math.ceil(60_000 / batchSize) })),
  metrics: ["accuracy"],
  epochs,
  batchSize,
  seed: 0,
});
