/**
 * The brain.js contestant: plain JavaScript that updates on one sample at a time, against the squared error, with sigmoids all through.
 * A unit is a pass over as many samples as the job's unit has: all rows.
 */
import { createRequire } from "node:module";
import { bytes, floats, pixels } from "./read.mjs";
import { job as readJob, serve } from "./serve.mjs";

const require = createRequire(new URL("../package.json", import.meta.url));
const { NeuralNetwork } = require("brain.js");
const { version } = require("brain.js/package.json");

const job = readJob();
const { sizes, rows, learningRate } = job;
const classify = job.loss === "crossEntropy";
const [features] = sizes;
const inputs = classify ? pixels(job.inputs) : floats(job.inputs);
const labels = classify ? bytes(job.labels) : floats(job.labels);
const output = (row) =>
  classify
    ? Float32Array.from({ length: sizes.at(-1) }, (_, i) => (i === labels[row] ? 1 : 0))
    : labels.subarray(row, row + 1);
const data = Array.from({ length: rows }, (_, row) => ({
  input: inputs.subarray(row * features, (row + 1) * features),
  output: output(row),
}));

const net = new NeuralNetwork({ hiddenLayers: sizes.slice(1, -1) });
net.errorCheckInterval = Number.POSITIVE_INFINITY;
const options = { iterations: 1, errorThresh: Number.MIN_VALUE, learningRate, praxis: "adam" };
/** So many samples a call that the clock is read often enough. */
const share = Math.min(rows, 50);

function run(units, limit) {
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  for (let done = 0; done < units * rows; done += share) {
    const from = done % rows;
    net.train(data.slice(from, from + share), options);
    if (seconds() > limit) return { seconds: seconds(), units: (done + share) / rows };
  }
  return seconds();
}

await serve({ versions: { "brain.js": version }, check: () => [], run });
