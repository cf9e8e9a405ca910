/** Trains a network whose state is 100 MB and saves it now and then: what training waits for, its steps meanwhile, and the time to the disk. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dataset } from "../../dist/data/index.js";
import { setThreads } from "../../dist/index.js";
import { crossEntropy, Linear, relu, Sequential } from "../../dist/nn/index.js";
import { adam } from "../../dist/optim/index.js";
import { Trainer } from "../../dist/train/index.js";
import { job } from "./serve.mjs";

const { sizes, batch, saves, threads } = job();
setThreads(threads);
const dir = mkdtempSync(join(tmpdir(), "nabla-bench-"));
const rows = 8 * batch;
const train = dataset({
  x: { data: Float32Array.from({ length: rows * sizes[0] }, (_, i) => Math.sin(i)), shape: [rows, sizes[0]] },
  y: Array.from({ length: rows }, (_, i) => i % 10),
});
const [waits, writes, free, meanwhile] = [[], [], [], []];
let bytes = 0;
let writing = null;
let idle = 0;
const saving = {
  name: "saving",
  start: async ({ plan }, run) => {
    bytes = plan.stateBytes;
    await run.readySaves();
  },
  async stepEnd({ seconds, rows: trained, position }, run) {
    const step = (seconds * batch) / trained;
    if (position.step > 16) (writing === null ? free : meanwhile).push(step); // the first find caches cold
    // As many steps between two writes as within one.
    if (writing === null) idle += seconds;
    if (writing !== null || position.step <= 16 || idle < (writes.at(-1) ?? 0.5)) return;
    if (waits.length === saves) return run.stop("measured");
    const asked = performance.now();
    const { written } = await run.saveBehind(join(dir, "checkpoint"));
    waits.push((performance.now() - asked) / 1000);
    idle = 0;
    writing = written.then(() => {
      writes.push((performance.now() - asked) / 1000);
      writing = null;
    });
  },
};
const trainer = new Trainer({
  model: new Sequential(
    ...sizes
      .slice(1)
      .flatMap((outputs, i) => [new Linear(sizes[i], outputs), relu])
      .slice(0, -1),
  ),
  loss: crossEntropy,
  optimizer: adam(1e-4),
  callbacks: [saving],
});
await trainer.fit(train, { epochs: 100_000, batchSize: batch });
rmSync(dir, { recursive: true });
console.log(JSON.stringify({ bytes, waits, writes, free, meanwhile }));
process.exit(0);
