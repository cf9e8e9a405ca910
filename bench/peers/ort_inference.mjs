/** onnxruntime-node's latency for one row: its `run` returns a promise, so each call is awaited. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { encodeMlp } from "./onnx_model.mjs";
import { job, serve } from "./serve.mjs";

const require = createRequire(new URL("../package.json", import.meta.url));
const { InferenceSession, Tensor } = require("onnxruntime-node");
const { version } = require("onnxruntime-node/package.json");

const { sizes, weights, inputs, rows, threads } = job();
const floats = ({ path, header }) =>
  new Float32Array(new Uint8Array(readFileSync(path)).slice(header).buffer);
const session = await InferenceSession.create(encodeMlp(sizes, floats(weights)), {
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionProviders: ["cpu"],
});

const all = floats(inputs);
const row = Array.from({ length: rows }, (_, i) => all.slice(i * sizes[0], (i + 1) * sizes[0]));
const predict = async (call) =>
  (await session.run({ input: new Tensor("float32", row[call % rows], [1, sizes[0]]) })).output.data;

let sum = 0;
await serve({
  versions: { "onnxruntime-node": version },
  check: async (steps) => {
    const numbers = [];
    for (let i = 0; i < steps; i++) numbers.push(...(await predict(i)));
    return numbers;
  },
  run: async (units) => {
    const start = performance.now();
    for (let i = 0; i < units; i++) sum += (await predict(i))[0];
    if (!Number.isFinite(sum)) throw new Error("a prediction is not finite");
    return (performance.now() - start) / 1000;
  },
});
