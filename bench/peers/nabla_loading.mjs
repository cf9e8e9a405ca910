/** Trains MNIST batch by batch, three epochs and then five more, and says of the five in how many per cent of the time steps waited for data. */
import { mnist, rowSource } from "../../dist/data/index.js";
import { setThreads } from "../../dist/index.js";
import { crossEntropy, Linear, relu, Sequential } from "../../dist/nn/index.js";
import { adam } from "../../dist/optim/index.js";
import { Trainer } from "../../dist/train/index.js";
import { job } from "./serve.mjs";

const { kind, sizes, batch, workers, rows, inputs, labels, threads } = job();
setThreads(threads);
const [from, hidden, to] = sizes;

async function source() {
  if (kind === "workers") {
    const module = new URL("./loading-rows.mjs", import.meta.url);
    return rowSource({ module, options: { inputs, labels }, length: rows });
  }
  const { train } = await mnist();
  return { length: train.length, gather: (wanted) => train.gather(wanted) };
}

const trainer = new Trainer({
  model: new Sequential(new Linear(from, hidden), relu, new Linear(hidden, to)),
  loss: crossEntropy,
  optimizer: adam(1e-3),
});
const data = await source();
const options = { batchSize: batch, ...(kind === "workers" && { workers }) };
await trainer.fit(data, { epochs: 3, ...options }); // compiles, starts threads, and lets the engine learn what is hot
const { waiting, samplesPerSecond } = await trainer.fit(data, { epochs: 5, ...options });
console.log(JSON.stringify({ waiting: 100 * waiting, samplesPerSecond }));
process.exit(0);
