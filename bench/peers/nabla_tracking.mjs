/** A network trained by turns with nothing kept, with telemetry and the doctor, with a run's folder, with both, and with event files too: seconds of each whole fit. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dataset, mnist } from "../../dist/data/index.js";
import { doctor, telemetryRecorder } from "../../dist/doctor/index.js";
import { setThreads } from "../../dist/index.js";
import { crossEntropy, Linear, relu, Sequential } from "../../dist/nn/index.js";
import { adam, sgd } from "../../dist/optim/index.js";
import { Trainer, tensorBoard, track } from "../../dist/train/index.js";
import { networks } from "./nabla_networks.mjs";
import { job } from "./serve.mjs";
import { values } from "./values.mjs";

const { ways, network, epochs, batchSize, rounds, threads } = job();
setThreads(threads);
const folder = mkdtempSync(join(tmpdir(), "nabla-bench-"));

/** What is trained: the rows, those of the fit before in which everything is compiled, and the parts. */
const setups = {
  mnist: async () => {
    const { train } = await mnist();
    const model = () => new Sequential(new Linear(784, 128), relu, new Linear(128, 10));
    return { train, warm: train, model, optimizer: adam(1e-3) };
  },
  resnet20: async () => {
    const rows = 50 * batchSize;
    const train = dataset({
      x: { data: values(rows * 3072, 1, -1, 1), shape: [rows, 32, 32, 3] },
      y: Int32Array.from(values(rows, 2, 0, 10)),
    });
    const optimizer = sgd(0.01, { momentum: 0.9, weightDecay: 1e-4 });
    return { train, warm: train.head(batchSize), model: networks.resnet20, optimizer };
  },
};

const watched = (dir) => [telemetryRecorder(dir), doctor({ folder: dir, onFinding: () => {} })];
const kept = {
  nothing: () => [],
  telemetry: watched,
  track: (dir) => [track(dir)],
  both: (dir) => [track(dir), ...watched(dir)],
  tensorBoard: (dir) => [track(dir), ...watched(dir), tensorBoard(join(dir, "tensorboard"))],
};

const { train, warm, model, optimizer } = await setups[network]();

async function seconds(way, round) {
  const dir = join(folder, `${way}-${round}`);
  mkdirSync(dir);
  const metrics = ["accuracy"];
  const callbacks = kept[way](dir);
  const trainer = new Trainer({ model: model(), loss: crossEntropy, optimizer, metrics, callbacks });
  await trainer.fit(warm, { epochs: 1, batchSize });
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
