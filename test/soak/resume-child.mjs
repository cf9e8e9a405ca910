/** A run as of a program that may be killed: trains the rest of its epochs, saving as often as it can. node resume-child.mjs <folder> */
import { existsSync } from "node:fs";
import { dataset } from "../../dist/data/index.js";
import { crossEntropy, dropout, Linear, relu, Sequential } from "../../dist/nn/index.js";
import { adam } from "../../dist/optim/index.js";
import { checkpoint, earlyStopping, reduceOnPlateau, Trainer } from "../../dist/train/index.js";

const [folder = ""] = process.argv.slice(2);
const rows = (n, shift) =>
  dataset({
    x: Array.from({ length: n }, (_, i) => [Math.sin(i + shift), Math.cos(2 * i), Math.sin(3 * i), i % 3]),
    y: Array.from({ length: n }, (_, i) => i % 3),
  });
// Large enough that its states are written by a thread of their own.
const trainer = new Trainer({
  model: new Sequential(
    new Linear(4, 160),
    relu,
    dropout(0.2),
    new Linear(160, 160),
    relu,
    new Linear(160, 3),
  ),
  loss: crossEntropy,
  optimizer: adam(1e-2),
  callbacks: [
    { start: () => process.stdout.write("begun\n") },
    earlyStopping({ patience: 20 }),
    reduceOnPlateau({ patience: 2, factor: 0.8 }),
    checkpoint(folder, { every: { steps: 1 }, keep: { last: 3, best: 1 } }),
  ],
});
// A folder that was killed before its first save begins anew.
if (existsSync(folder)) {
  await trainer.resume(folder).catch((error) => {
    if (error.code !== "ENOENT") throw error;
  });
}
await trainer.fit(rows(72, 0), { epochs: 24, batchSize: 8, validation: rows(24, 0.4) });
