/** jax-js' latency for one row through a compiled forward pass: an array is made of it, and the result is read. */
import { readFileSync } from "node:fs";
import { defaultDevice, init, jit, nn, numpy as np, tree } from "@jax-js/jax";
import { job, serve } from "./serve.mjs";
import { timed } from "./values.mjs";

await init("wasm");
defaultDevice("wasm");

const { sizes, weights, inputs, rows } = job();
const floats = ({ path, header }) =>
  new Float32Array(new Uint8Array(readFileSync(path)).slice(header).buffer);
const flat = floats(weights);
const layers = [];
for (let i = 0, offset = 0; i + 1 < sizes.length; i++) {
  const [fanIn, fanOut] = [sizes[i], sizes[i + 1]];
  const weight = np.array(flat.slice(offset, offset + fanIn * fanOut)).reshape([fanIn, fanOut]);
  offset += fanIn * fanOut;
  layers.push([weight, np.array(flat.slice(offset, offset + fanOut))]);
  offset += fanOut;
}
const forward = jit((layers, x) =>
  layers.reduce((h, [weight, bias], i) => {
    const out = np.matmul(h, weight).add(bias);
    return i + 1 < layers.length ? nn.relu(out) : out;
  }, x),
);

const all = floats(inputs);
const row = Array.from({ length: rows }, (_, i) => all.slice(i * sizes[0], (i + 1) * sizes[0]));
const predict = (call) =>
  forward(tree.ref(layers), np.array(row[call % rows]).reshape([1, sizes[0]])).dataSync();

let sum = 0;
await serve({
  versions: { "@jax-js/jax": "0.1.25" },
  check: (steps) => Array.from({ length: steps }, (_, i) => [...predict(i)]).flat(),
  run: (units) =>
    timed(() => {
      for (let i = 0; i < units; i++) sum += predict(i)[0];
      if (!Number.isFinite(sum)) throw new Error("a prediction is not finite");
    }),
});
