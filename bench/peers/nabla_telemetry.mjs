/** Trains MNIST, three epochs at a time, with and without telemetry in turn, and says how many per cent of the time without it the median fit with it takes. */
import { mnist } from "../../dist/data/index.js";
import { setThreads } from "../../dist/index.js";
import { crossEntropy, Linear, relu, Sequential } from "../../dist/nn/index.js";
import { adam } from "../../dist/optim/index.js";
import { Trainer } from "../../dist/train/index.js";
import { job } from "./serve.mjs";

const { sizes, batch, every, rounds, threads } = job();
setThreads(threads);
const { train } = await mnist();
const layers = sizes.slice(1).map((outputs, i) => new Linear(sizes[i], outputs));
let heard = 0;
const trainers = [false, { every }].map(
  (telemetry) =>
    new Trainer({
      model: new Sequential(
        ...layers.flatMap((_, i) => [new Linear(sizes[i], sizes[i + 1]), relu]).slice(0, -1),
      ),
      loss: crossEntropy,
      optimizer: adam(1e-3),
      telemetry,
      callbacks: [{ telemetry: () => heard++ }],
    }),
);
const seconds = [[], []];
for (let round = 0; round <= rounds; round++) {
  // Each goes first as often as last.
  for (const which of round % 2 === 0 ? [0, 1] : [1, 0]) {
    const { samplesPerSecond } = await trainers[which].fit(train, { epochs: 3, batchSize: batch });
    if (round > 0) seconds[which].push(1 / samplesPerSecond); // the first finds caches cold
  }
}
if (heard === 0) throw new Error("there was no telemetry");
const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
const [off, on] = seconds.map(median);
console.log(JSON.stringify({ share: 100 * (on / off) }));
process.exit(0);
