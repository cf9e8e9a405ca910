/** Fashion-MNIST: 70,000 pictures of clothes in MNIST's format, from Debian's package or a folder with the four IDX files. */
import { resolve } from "node:path";
import { exists } from "../files/index.ts";
import { DataError } from "../util/index.ts";
import type { Dataset } from "./dataset.ts";
import type { MnistOptions } from "./mnist.ts";
import { readMnistFiles } from "./mnist-files.ts";

/** Where Debian's and Ubuntu's package `dataset-fashion-mnist` puts the files. */
const systemFolder = "/usr/share/datasets/fashion-mnist";

/** What the labels 0 to 9 mean. */
export const fashionMnistClasses = [
  ...["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"],
  ...["Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"],
] as const;

/**
 * The training set (60,000) and the test set (10,000): x f32 [n, 784] in [0, 1], y i32 [n] in 0..9; `fashionMnistClasses` names them.
 *
 * Throws DataError when the set is not there (the message says how to get it) or damaged, FileError when a file of it cannot be read.
 *
 * @example const { train, test } = await fashionMnist({ dir: "data/fashion" });
 * @see Xiao, Rasul, Vollgraf: Fashion-MNIST, a novel image dataset for benchmarking machine learning algorithms, 2017
 */
export async function fashionMnist(options: MnistOptions = {}): Promise<{ train: Dataset; test: Dataset }> {
  if (options.dir === undefined && !(await exists(systemFolder))) {
    throw new DataError(
      `fashionMnist: the four files must be in ${systemFolder}; there is no such folder. Run \`apt install dataset-fashion-mnist\`, or fetch them from https://github.com/zalandoresearch/fashion-mnist and pass { dir }.`,
    );
  }
  return readMnistFiles(options.dir === undefined ? systemFolder : resolve(options.dir));
}
