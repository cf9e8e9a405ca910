/** TensorFlow.js on the backend named by --backend; its WebAssembly one runs on one thread in Node. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";

const require = createRequire(new URL("../package.json", import.meta.url));
export const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");
wasm.setWasmPaths(`${dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json"))}/dist/`);
// Node's fetch reads no files; the backend needs its binary handed over.
globalThis.fetch = async (path) => new Response(readFileSync(String(path).replace("file://", "")));
await tf.setBackend(process.argv.find((arg) => arg.startsWith("--backend="))?.slice(10) ?? "wasm");
await tf.ready();

export const versions = { "@tensorflow/tfjs": tf.version_core };

/** Weights [in, out] and biases as variables, out of one flat array; uniform in +-1/sqrt(in) without one. */
export function makeLayers(sizes, flat) {
  const layers = [];
  let offset = 0;
  for (let i = 0; i + 1 < sizes.length; i++) {
    const [fanIn, fanOut] = [sizes[i], sizes[i + 1]];
    const bound = 1 / Math.sqrt(fanIn);
    const weight = flat
      ? tf.tensor2d(flat.slice(offset, offset + fanIn * fanOut), [fanIn, fanOut])
      : tf.randomUniform([fanIn, fanOut], -bound, bound);
    offset += fanIn * fanOut;
    const bias = flat ? tf.tensor1d(flat.slice(offset, offset + fanOut)) : tf.zeros([fanOut]);
    offset += fanOut;
    layers.push([tf.variable(weight), tf.variable(bias)]);
  }
  return layers;
}

/** ReLU between the layers. */
export const forward = (layers, x) =>
  layers.reduce((h, [weight, bias], i) => {
    const out = tf.add(tf.matMul(h, weight), bias);
    return i + 1 < layers.length ? tf.relu(out) : out;
  }, x);
