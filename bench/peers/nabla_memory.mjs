/** An epoch of MNIST by nabla's trainer; the memory of its process before and at most. */

import { mnist } from "../../dist/data/index.js";
import { setThreads } from "../../dist/index.js";
import { crossEntropy, Linear, relu, Sequential } from "../../dist/nn/index.js";
import { adam } from "../../dist/optim/index.js";
import { Trainer } from "../../dist/train/index.js";
import { peak, resident, startPeak } from "./memory.mjs";
import { job } from "./serve.mjs";

const { sizes, batch, threads } = job();
const empty = resident();
setThreads(threads);
const { train } = await mnist();
const base = startPeak();

const layers = sizes.slice(1).map((outputs, i) => new Linear(sizes[i], outputs));
const model = new Sequential(...layers.flatMap((layer, i) => (i === 0 ? [layer] : [relu, layer])));
const trainer = new Trainer({ model, loss: crossEntropy, optimizer: adam(1e-3) });
const { record } = await trainer.fit(train, { epochs: 1, batchSize: batch, dropLast: true });
const answer = { loss: record.train.loss, empty, base, peak: peak() };
process.stdout.write(`${JSON.stringify(answer)}\n`);
