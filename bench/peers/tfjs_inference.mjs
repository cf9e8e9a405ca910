/** TensorFlow.js' latency for one row: a tensor is made of it, and the result is read. */
import { readFileSync } from "node:fs";
import { job, serve } from "./serve.mjs";
import { forward, makeLayers, tf, versions } from "./tfjs.mjs";
import { timed } from "./values.mjs";

const { sizes, weights, inputs, rows } = job();
const floats = ({ path, header }) =>
  new Float32Array(new Uint8Array(readFileSync(path)).slice(header).buffer);
const layers = makeLayers(sizes, floats(weights));
const all = floats(inputs);
const row = Array.from({ length: rows }, (_, i) => all.slice(i * sizes[0], (i + 1) * sizes[0]));
const predict = (call) =>
  tf.tidy(() => forward(layers, tf.tensor2d(row[call % rows], [1, sizes[0]])).dataSync());

let sum = 0;
await serve({
  versions,
  check: (steps) => Array.from({ length: steps }, (_, i) => [...predict(i)]).flat(),
  run: (units) =>
    timed(() => {
      for (let i = 0; i < units; i++) sum += predict(i)[0];
      if (!Number.isFinite(sum)) throw new Error("a prediction is not finite");
    }),
});
