/** The four IDX files that MNIST and its likes come in. */
import { join } from "node:path";
import { exists } from "../files/index.ts";
import { DataError, formatShape } from "../util/index.ts";
import { ByteArray } from "./byte-array.ts";
import { Dataset } from "./dataset.ts";
import { readIdx } from "./idx.ts";

/** Both parts of the set in a folder: x f32 [n, 784] in [0, 1], y i32 [n] in 0..9. Throws FileError or DataError naming the file that is wrong. */
export async function readMnistFiles(dir: string): Promise<{ train: Dataset; test: Dataset }> {
  // One after the other: of several damaged files it is always the same one that is named.
  return { train: await readPart(dir, "train"), test: await readPart(dir, "t10k") };
}

const plainOrPacked = async (path: string): Promise<string> =>
  !(await exists(path)) && (await exists(`${path}.gz`)) ? `${path}.gz` : path;

async function readPart(dir: string, prefix: string): Promise<Dataset> {
  const imagePath = await plainOrPacked(join(dir, `${prefix}-images-idx3-ubyte`));
  const labelPath = await plainOrPacked(join(dir, `${prefix}-labels-idx1-ubyte`));
  const images = await readIdx(imagePath);
  const labels = await readIdx(labelPath);
  const [count = 0, height, width] = images.shape;
  if (images.shape.length !== 3 || height !== 28 || width !== 28 || !(images.data instanceof Uint8Array)) {
    throw new DataError(
      `${imagePath}: must hold bytes of shape [n,28,28]; got ${formatShape(images.shape)}.`,
    );
  }
  if (labels.shape.length !== 1 || labels.shape[0] !== count || !(labels.data instanceof Uint8Array)) {
    throw new DataError(
      `${labelPath}: must hold one byte for each of ${count} images; got ${formatShape(labels.shape)}.`,
    );
  }
  if (count === 0) throw new DataError(`${imagePath}: must hold at least one image; got none.`);
  const wrong = labels.data.findIndex((label) => label > 9);
  if (wrong >= 0) {
    throw new DataError(
      `${labelPath}: labels must be 0 to 9; row ${wrong} is ${labels.data[wrong]}. Fetch it again.`,
    );
  }
  const scaled = Float32Array.from({ length: 256 }, (_, value) => value / 255);
  return new Dataset(new ByteArray([count, 784], images.data, scaled), {
    dtype: "i32",
    shape: [count],
    data: Int32Array.from(labels.data),
  });
}
