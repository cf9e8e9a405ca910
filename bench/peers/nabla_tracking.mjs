/** The MNIST network trained by turns with nothing kept, with a run's folder, and with event files too: seconds of each whole fit. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mnist } from "../../dist/data/index.js";
import { setThreads } from "../../dist/index.js";
import { crossEntropy, Linear, relu, Sequential } from "../../dist/nn/index.js";
import { adam } from "../../dist/optim/index.js";
import { Trainer, tensorBoard, track } from "../../dist/train/index.js";
import { job } from "./serve.mjs";

const { ways, sizes, epochs, batchSize, rounds, threads } = job();
setThreads(threads);
const { train } = await mnist();
const folder = mkdtempSync(join(tmpdir(), "nabla-bench-"));
const kept = {
  nothing: () => [],
  track: (dir) => [track(dir)],
  tensorBoard: (dir) => [track(dir), tensorBoard(join(dir, "tensorboard"))],
};

async function seconds(way, round) {
  const layers = sizes.slice(1).map((outputs, i) => new Linear(sizes[i], outputs));
  const model = new Sequential(...layers.flatMap((layer, i) => (i === 0 ? [layer] : [relu, layer])));
  const callbacks = kept[way](join(folder, `${way}-${round}`));
  const trainer = new Trainer({
    model,
    loss: crossEntropy,
    optimizer: adam(1e-3),
    metrics: ["accuracy"],
    callbacks,
  });
  // Compiling is over after the first epoch.
  await trainer.fit(train, { epochs: 1, batchSize });
  const start = performance.now();
  await trainer.fit(train, { epochs, batchSize });
  return (performance.now() - start) / 1000;
}

try {
  const times = Object.fromEntries(ways.map((way) => [way, []]));
  for (let round = 0; round < rounds; round++) {
    // By turns, and each first as often as last: a machine that grows warm slows them alike.
    const order = round % 2 === 0 ? ways : [...ways].reverse();
    for (const way of order) times[way].push(await seconds(way, round));
  }
  process.stdout.write(`${JSON.stringify({ times })}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
