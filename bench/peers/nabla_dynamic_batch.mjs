/** MNIST with one way to choose the batch size, from one seed: what it reached and what that took. */
import { mnist } from "../../dist/data/index.js";
import { setThreads } from "../../dist/index.js";
import { crossEntropy, Linear, relu, Sequential } from "../../dist/nn/index.js";
import { adam, cosine, multiStep } from "../../dist/optim/index.js";
import { noiseScale, Trainer } from "../../dist/train/index.js";
import { job } from "./serve.mjs";

const { way, sizes, epochs, learningRate, min, max, seed, threads } = job();
setThreads(threads);
const { train, test } = await mnist();

const doublings = Math.log2(max / min);
const milestones = Array.from({ length: doublings }, (_, i) => i + 1);
const falling = cosine({ initial: learningRate, steps: (epochs * train.length) / min });
const ways = {
  fixed: [min, learningRate],
  cosine: [min, falling],
  large: [max, learningRate * Math.sqrt(max / min)],
  schedule: [{ byEpoch: multiStep({ initial: min, factor: 2, milestones }) }, learningRate],
  noise: [noiseScale({ min, max }), learningRate],
};
const [batchSize, rate] = ways[way];
const layers = sizes.slice(1).map((outputs, i) => new Linear(sizes[i], outputs));
const model = new Sequential(...layers.flatMap((layer, i) => (i === 0 ? [layer] : [relu, layer])));
const optimizer = adam(rate);
const trainer = new Trainer({ model, loss: crossEntropy, optimizer, metrics: ["accuracy"], seed });
const { seconds } = await trainer.fit(train, { epochs, batchSize });
const { accuracy } = await trainer.evaluate(test);
const answer = { accuracy: 100 * accuracy, updates: trainer.position.step, seconds };
process.stdout.write(`${JSON.stringify(answer)}\n`);
