/** Milliseconds a training step takes and the bytes of its arena, in one precision: the least of several epochs on as many images as the job says. */
import { dataset } from "../../dist/data/index.js";
import { setThreads } from "../../dist/index.js";
import { crossEntropy, Linear, relu, Sequential } from "../../dist/nn/index.js";
import { adam } from "../../dist/optim/index.js";
import { Trainer } from "../../dist/train/index.js";
import { networks } from "./nabla_networks.mjs";

const { network, batch, rows, epochs, threads } = JSON.parse(process.argv.at(-1));
const [precision, matmulPrecision] = process.argv
  .find((arg) => arg.startsWith("--precision="))
  .slice(12)
  .split("/");
setThreads(threads);
const wide = () =>
  new Sequential(new Linear(784, 1024), relu, new Linear(1024, 1024), relu, new Linear(1024, 10));
const x = Float32Array.from({ length: rows * 784 }, (_, i) => Math.sin(i * 12.9898) ** 2);
const shape = network === "lenet" ? [rows, 28, 28, 1] : [rows, 784];
const train = dataset({ x: { data: x, shape }, y: Array.from({ length: rows }, (_, i) => i % 10) });
let arena = 0;
const trainer = new Trainer({
  model: network === "wide" ? wide() : networks[network](),
  loss: crossEntropy,
  optimizer: adam(1e-3),
  precision,
  matmulPrecision,
  callbacks: [
    {
      epochEnd: (_, run) => {
        arena = Number(/arena: (\d+) bytes/.exec(run.explain().join("\n"))[1]);
      },
    },
  ],
});
let ms = Number.POSITIVE_INFINITY;
for (let epoch = 0; epoch < epochs; epoch++) {
  const { samplesPerSecond } = await trainer.fit(train, { epochs: 1, batchSize: batch });
  ms = Math.min(ms, (1000 * batch) / samplesPerSecond);
}
console.log(JSON.stringify({ ms, arena }));
process.exit(0);
