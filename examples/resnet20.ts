/**
 * ResNet-20, the network of He et al. for images of 32 x 32 pixels and 3 channels, here on MNIST: its grey 28 x 28 digits get a
 * border of zeros and three equal channels.
 * Run it with `npx nabla train examples/resnet20.ts`.
 * He et al., "Deep residual learning for image recognition", 2016, section 4.2.
 */
import { concat, pad, type Tensor } from "nabla";
import { mnist } from "nabla/data";
import {
  BatchNorm,
  Conv2d,
  crossEntropy,
  GlobalAvgPool,
  heNormal,
  Linear,
  Reshape,
  Residual,
  relu,
  Sequential,
  ZeroPad,
} from "nabla/nn";
import { sgd, warmupCosine } from "nabla/optim";
import { defineExperiment } from "nabla/train";

/** A 3 x 3 convolution whose bias is the batch norm's. */
const convNorm = (inputs: number, outputs: number, stride = 1) => [
  new Conv2d(inputs, outputs, 3, { stride, padding: 1, bias: false, weightInit: heNormal }),
  new BatchNorm(outputs),
];

/** Every second pixel, with channels of zeros on both sides: a shortcut without parameters. */
const halve = (x: Tensor): Tensor => {
  const more = (x.shape.at(-1) as number) / 2;
  return pad(x.slice([], [null, null, 2], [null, null, 2]), [0, 0, 0, [more, more]]);
};

const block = (inputs: number, outputs: number) => {
  const stride = outputs / inputs;
  const inner = new Sequential(...convNorm(inputs, outputs, stride), relu, ...convNorm(outputs, outputs));
  return [new Residual(inner, stride === 1 ? null : halve), relu];
};

/** From images [batch, 32, 32, 3] to logits. */
export const resnet20 = (classes = 10): Sequential =>
  new Sequential(
    ...convNorm(3, 16),
    relu,
    ...[16, 16, 16, 32, 32, 32, 64, 64, 64].flatMap((width, i, widths) => block(widths[i - 1] ?? 16, width)),
    new GlobalAvgPool(),
    new Linear(64, classes),
  );

export default defineExperiment({
  name: "resnet20",
  data: () => mnist(),
  model: () =>
    new Sequential(
      new Reshape([28, 28, 1]),
      new ZeroPad(2),
      function colour(x: Tensor): Tensor {
        return concat([x, x, x], -1);
      },
      resnet20(),
    ),
  loss: crossEntropy,
  optimizer: sgd(warmupCosine({ peak: 0.1, warmup: 100, total: 2 * 469 }), {
    momentum: 0.9,
    nesterov: true,
    weightDecay: 1e-4,
  }),
  metrics: ["accuracy"],
  epochs: 2,
  batchSize: 128,
  seed: 0,
});
