/**
 * The brain.js contestant: plain JavaScript, SGD with momentum on one sample at a time, against the squared error, sigmoids all through.
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
const options = { iterations: 1, errorThresh: Number.MIN_VALUE, learningRate };
/** So many samples a call that the clock is read often enough; of a small network many passes a call. */
const weights = sizes.slice(1).reduce((sum, outputs, i) => sum + outputs * sizes[i], 0);
const share = Math.max(1, Math.min(rows, Math.round(5e6 / weights)));

function run(units, limit) {
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  if (share === rows) {
    net.train(data, { ...options, iterations: units });
    return seconds();
  }
  for (let done = 0; done < units * rows; ) {
    const part = data.slice(done % rows, (done % rows) + share);
    net.train(part, options);
    done += part.length;
    if (seconds() > limit) return { seconds: seconds(), units: done / rows };
  }
  return seconds();
}

await serve({ versions: { "brain.js": version }, check: () => [], run });
