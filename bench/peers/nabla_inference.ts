/** nabla's latency for one row: a compiled predictor, or without one a compiled forward pass that is read. */
import { readFileSync } from "node:fs";
import { setThreads, tensor } from "nabla";
import * as nn from "nabla/nn";
import type { InferenceJob } from "../benches/inference.ts";
import type { ArrayFile } from "../job.ts";
import { job, serve } from "./serve.mjs";
import { timed } from "./values.mjs";

const { sizes, weights, inputs, rows, threads } = job<InferenceJob>();
setThreads(threads);

const floats = (file: ArrayFile): Float32Array =>
  new Float32Array(Uint8Array.from(readFileSync(file.path).subarray(file.header)).buffer);

const linears = sizes.slice(1).map((outputs, i) => new nn.Linear(sizes[i] as number, outputs));
const model = new nn.Sequential(...linears.flatMap((layer, i) => (i === 0 ? [layer] : [nn.relu, layer])));
const values = floats(weights);
let offset = 0;
for (const { weight, bias } of linears) {
  for (const parameter of [weight, bias]) {
    if (parameter === null) continue;
    const { shape } = parameter;
    const size = shape.reduce((product, dim) => product * dim, 1);
    parameter.value = tensor(values.slice(offset, offset + size), { shape });
    offset += size;
  }
}

const all = floats(inputs);
const width = sizes[0] as number;
const row = Array.from({ length: rows }, (_, i) => all.slice(i * width, (i + 1) * width));
const at = (call: number): Float32Array => row[call % rows] as Float32Array;
const out = new Float32Array(sizes.at(-1) as number);

const digits = nn.predictor(model, { inputShape: [width] });

// Every call has another input, and every result is read.
let sum = 0;
async function run(units: number): Promise<void> {
  for (let i = 0; i < units; i++) sum += digits.predict(at(i), out)[0] as number;
  if (!Number.isFinite(sum)) throw new Error("a prediction is not finite");
}

await serve({
  check: async (steps) => {
    const numbers: number[] = [];
    for (let i = 0; i < steps; i++) numbers.push(...digits.predict(at(i), out));
    return numbers;
  },
  run: (units) => timed(() => run(units)),
});
