/** The network of examples/augmented.ts on Fashion-MNIST, from one seed: the accuracy after its last epoch. */
import { augment, fashionMnist, horizontalFlip, mixup, randomCrop } from "../../dist/data/index.js";
import { setThreads } from "../../dist/index.js";
import {
  Conv2d,
  crossEntropy,
  Flatten,
  Linear,
  MaxPool2d,
  Reshape,
  relu,
  Sequential,
} from "../../dist/nn/index.js";
import { adamW, warmupCosine } from "../../dist/optim/index.js";
import { Trainer } from "../../dist/train/index.js";
import { job } from "./serve.mjs";

const { epochs, batchSize, threads, changes, padding = 2, alpha = 0.2, images, seed } = job();
setThreads(threads);
const { train: all, test } = await fashionMnist(
  process.env.FASHION_MNIST ? { dir: process.env.FASHION_MNIST } : {},
);
const train = all.head(images ?? all.length);
const model = new Sequential(
  new Reshape([28, 28, 1]),
  new Conv2d(1, 16, 3, { padding: 1 }),
  relu,
  new MaxPool2d(2),
  new Conv2d(16, 32, 3, { padding: 1 }),
  relu,
  new MaxPool2d(2),
  new Flatten(),
  new Linear(7 * 7 * 32, 64),
  relu,
  new Linear(64, 10),
);
const known = {
  flip: () => horizontalFlip(),
  crop: () => randomCrop({ padding }),
  mixup: () => mixup({ classes: 10, alpha }),
};
const steps = epochs * Math.ceil(train.length / batchSize);
const optimizer = adamW(warmupCosine({ peak: 2e-3, warmup: 200, total: steps }));
const trainer = new Trainer({ model, loss: crossEntropy, optimizer, metrics: ["accuracy"], seed });
const pipeline = changes.map((name) => known[name]());
const { seconds } = await trainer.fit(train, {
  epochs,
  batchSize,
  ...(pipeline.length > 0 && { augment: augment(pipeline, { shape: [28, 28, 1] }) }),
});
const { accuracy } = await trainer.evaluate(test);
process.stdout.write(`${JSON.stringify({ accuracy: 100 * accuracy, seconds })}\n`);
