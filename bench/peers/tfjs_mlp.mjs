/** The TensorFlow.js contestant, on the backend named by --backend; it trains on one thread in Node. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { bytes, floats, pixels } from "./read.mjs";
import { job as readJob, serve } from "./serve.mjs";

const require = createRequire(new URL("../package.json", import.meta.url));
const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");
wasm.setWasmPaths(`${dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json"))}/dist/`);
// Node's fetch reads no files; the backend needs its binary handed over.
globalThis.fetch = async (path) => new Response(readFileSync(join(String(path).replace("file://", ""))));
await tf.setBackend(process.argv.find((arg) => arg.startsWith("--backend="))?.slice(10) ?? "wasm");
await tf.ready();

const job = readJob();
const { sizes, rows, batch } = job;
const classes = job.loss === "crossEntropy";
const inputs = tf.tensor2d(classes ? pixels(job.inputs) : floats(job.inputs), [rows, sizes[0]]);
const labels = classes
  ? tf.tidy(() => tf.oneHot(tf.tensor1d(Int32Array.from(bytes(job.labels)), "int32"), sizes.at(-1)).toFloat())
  : tf.tensor2d(floats(job.labels), [rows, 1]);
const lossOf = {
  bce: tf.losses.sigmoidCrossEntropy,
  mse: tf.losses.meanSquaredError,
  crossEntropy: tf.losses.softmaxCrossEntropy,
}[job.loss];
const makeOptimizer = {
  adam: () => tf.train.adam(job.learningRate, 0.9, 0.999, 1e-8),
  sgd: () => tf.train.sgd(job.learningRate),
}[job.optimizer];

function fresh() {
  const flat = floats(job.weights);
  const layers = [];
  let offset = 0;
  for (let i = 0; i + 1 < sizes.length; i++) {
    const [fanIn, fanOut] = [sizes[i], sizes[i + 1]];
    const weight = tf.variable(tf.tensor2d(flat.slice(offset, offset + fanIn * fanOut), [fanIn, fanOut]));
    offset += fanIn * fanOut;
    const bias = tf.variable(tf.tensor1d(flat.slice(offset, offset + fanOut)));
    offset += fanOut;
    layers.push([weight, bias]);
  }
  return { layers, optimizer: makeOptimizer() };
}

function step({ layers, optimizer }, x, y) {
  return optimizer.minimize(() => {
    const logits = layers.reduce((h, [weight, bias], i) => {
      const out = tf.add(tf.matMul(h, weight), bias);
      return i + 1 < layers.length ? tf.relu(out) : out;
    }, x);
    return lossOf(y, logits);
  }, true);
}

function check(steps) {
  const state = fresh();
  return Array.from({ length: steps }, (_, i) =>
    tf.tidy(() => {
      const start = batch === rows ? 0 : i * batch;
      const loss = step(state, inputs.slice(start, batch), labels.slice(start, batch));
      return loss.dataSync()[0];
    }),
  );
}

const state = fresh();

function run(units, limit) {
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  const batches = Math.floor(rows / batch);
  for (let unit = 0; unit < units; unit++) {
    if (batch === rows) {
      tf.tidy(() => step(state, inputs, labels));
      continue;
    }
    const order = tf.util.createShuffledIndices(rows);
    for (let i = 0; i < batches; i++) {
      tf.tidy(() => {
        const pick = tf.tensor1d(Int32Array.from(order.subarray(i * batch, (i + 1) * batch)), "int32");
        step(state, tf.gather(inputs, pick), tf.gather(labels, pick));
      });
      if (seconds() > limit) return { seconds: seconds(), units: unit + (i + 1) / batches };
    }
  }
  // The backend computes at once, so reading a weight waits for nothing more; it guards against a lazy one.
  state.layers[0][1].dataSync();
  return seconds();
}

await serve({ versions: { "@tensorflow/tfjs": tf.version_core }, check, run });
