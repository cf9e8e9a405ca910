/** nabla's latency for one row through a network: a compiled predictor. */
import { setThreads } from "../../dist/index.js";
import { predictor } from "../../dist/nn/index.js";
import { makeNetwork } from "./nabla_networks.mjs";
import { pixels } from "./read.mjs";
import { job as readJob, serve } from "./serve.mjs";
import { timed } from "./values.mjs";

const job = readJob();
setThreads(job.threads);

const rows = 64;
const size = job.inputShape.reduce((product, dim) => product * dim, 1);
const all = pixels(job.inputs);
const row = Array.from({ length: rows }, (_, i) => all.slice(i * size, (i + 1) * size));
const compiled = predictor(makeNetwork(job), { inputShape: job.inputShape });
const out = new Float32Array(10);

// Every call has another input, and every result is read.
let sum = 0;
function run(units) {
  for (let i = 0; i < units; i++) sum += compiled.predict(row[i % rows], out)[0];
  if (!Number.isFinite(sum)) throw new Error("a prediction is not finite");
}

await serve({
  check: (steps) => Array.from({ length: steps }, (_, i) => [...compiled.predict(row[i], out)]).flat(),
  run: (units) => timed(() => run(units)),
});
