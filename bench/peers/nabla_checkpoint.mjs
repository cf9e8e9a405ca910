/** A network whose state is 100 MB, trained with saves beside it: how long the loop waits for each, and what steps take meanwhile. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dataset } from "../../dist/data/index.js";
import { setThreads } from "../../dist/index.js";
import { crossEntropy, Linear, relu, Sequential } from "../../dist/nn/index.js";
import { adam } from "../../dist/optim/index.js";
import { Trainer } from "../../dist/train/index.js";
import { job } from "./serve.mjs";

const { sizes, batchSize, saves, between, threads, where } = job();
setThreads(threads);
const rows = batchSize * between;
const x = {
  data: Float32Array.from({ length: rows * sizes[0] }, (_, i) => Math.sin(i)),
  shape: [rows, sizes[0]],
};
const train = dataset({ x, y: Int32Array.from({ length: rows }, (_, row) => row % 10) });
const folder = mkdtempSync(join(where ?? tmpdir(), "nabla-bench-"));

const found = { stateBytes: 0, waits: [], writes: [], quiet: [], beside: [] };
let last = null;
let under = null; // the write under way
let due = between;
const saver = {
  name: "saver",
  start({ plan }, run) {
    found.stateBytes = plan.stateBytes;
    run.reserveSaves();
  },
  async stepEnd({ position }, run) {
    const now = performance.now();
    // A stretch may be of several steps; what is compiled or filled at first counts for nothing.
    if (last !== null && position.step > 4) {
      const each = (now - last.at) / 1000 / (position.step - last.step);
      (last.under ? found.beside : found.quiet).push(each);
    }
    if (position.step >= due && under === null && found.waits.length < saves) {
      due = position.step + between;
      const began = performance.now();
      const { written } = await run.saveBeside(folder);
      found.waits.push((performance.now() - began) / 1000);
      under = written.then(() => {
        found.writes.push((performance.now() - began) / 1000);
        under = null;
      });
    }
    last = { at: performance.now(), step: position.step, under: under !== null };
    if (found.writes.length === saves) run.stop("all saved");
  },
};

try {
  const layers = sizes.slice(1).map((outputs, i) => new Linear(sizes[i], outputs));
  const model = new Sequential(...layers.flatMap((layer, i) => (i === 0 ? [layer] : [relu, layer])));
  const trainer = new Trainer({ model, loss: crossEntropy, optimizer: adam(1e-4), callbacks: [saver] });
  await trainer.fit(train, { epochs: 100 * saves, batchSize });
  process.stdout.write(`${JSON.stringify(found)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
