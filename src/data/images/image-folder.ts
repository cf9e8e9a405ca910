/** Folders of images as labelled data sets: each class is a folder of its own. */
import { join, resolve } from "node:path";
import { ConfigError, DataError, optionNames } from "../../util/index.ts";
import { Dataset, split } from "../dataset.ts";
import type { SkippedImage } from "./decode-all.ts";
import { pixelArray, readImages } from "./image-files.ts";
import { type ImageFile, listFolders, listImages } from "./list.ts";
import { type ImageOptions, type ImageSettings, imageOptionNames, imageSettings } from "./options.ts";

export interface ImageFolderOptions extends ImageOptions {
  /** The share of the images, by `seed`, that becomes the validation set, where the folder has no `train`; default 0.2, 0 for none. */
  readonly validation?: number;
  /** Default 0. */
  readonly seed?: number;
}

export interface ImageFolder {
  /** x f32 [n, height, width, channels] in [0, 1], kept as bytes; y i32 [n], the place of the class among `classes`. */
  readonly train: Dataset;
  readonly validation?: Dataset;
  readonly test?: Dataset;
  /** Names of the classes, sorted. */
  readonly classes: readonly string[];
  /** With `onBadImage: "skip"`, the images that were left out. */
  readonly skipped: readonly SkippedImage[];
}

const known = optionNames<ImageFolderOptions>({ ...imageOptionNames, validation: true, seed: true });

/** What the folders of the parts may be called. */
const parts = { train: ["train"], validation: ["validation", "valid", "val"], test: ["test"] } as const;

/**
 * Images labelled by the folder they are in: `path/cats/1.jpg` has the class "cats". Where `path` has a folder `train`, the classes are
 * in there, and those of `validation` (or `valid`, `val`) and `test` must be among them; else the images are split by seed. Files
 * are read in sorted order and turned, resized and brought to sRGB by sharp (libvips).
 * @throws ConfigError for unknown or wrong options; DataError naming the folder or file: not there, without classes, a class without
 * an image, an image that cannot be read or has more than `maxPixels`.
 * @example const { train, validation, classes } = await imageFolder("flowers", { size: 32, cache: true });
 */
export async function imageFolder(path: string, options: ImageFolderOptions): Promise<ImageFolder> {
  const op = "imageFolder";
  const settings = imageSettings(op, options, known);
  const { validation: share = 0.2, seed = 0 } = options;
  if (!(share >= 0 && share < 1)) {
    throw new ConfigError(`${op}: validation must be at least 0 and below 1; got ${String(share)}.`);
  }
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new ConfigError(`${op}: seed must be a whole number of at least 0; got ${String(seed)}.`);
  }
  const root = resolve(path);
  const folders = await listFolders(root);
  const partOf = (part: keyof typeof parts): string | undefined =>
    parts[part].find((name) => folders.includes(name));
  const classes = folders.includes("train") ? await listFolders(join(root, "train")) : folders;
  const read = (folder: string) => readPart(folder, classes, settings, options);
  if (!folders.includes("train")) {
    const { data, skipped } = await read(root);
    if (share === 0) return { train: data, classes, skipped };
    const [train, validation] = split(data, 1 - share, seed);
    return { train, validation, classes, skipped };
  }
  const train = await read(join(root, "train"));
  const [second, third] = [partOf("validation"), partOf("test")];
  const validation = second === undefined ? null : await read(join(root, second));
  const test = third === undefined ? null : await read(join(root, third));
  return {
    train: train.data,
    ...(validation && { validation: validation.data }),
    ...(test && { test: test.data }),
    classes,
    skipped: [train, validation, test].flatMap((part) => part?.skipped ?? []),
  };
}

async function readPart(
  folder: string,
  classes: readonly string[],
  settings: ImageSettings,
  options: ImageFolderOptions,
): Promise<{ data: Dataset; skipped: readonly SkippedImage[] }> {
  const found = await listFolders(folder);
  if (found.length === 0) {
    throw new DataError(`${folder}: must have a folder of images for each class; got no folder.`);
  }
  const files: ImageFile[] = [];
  const labels: number[] = [];
  for (const name of found) {
    const label = classes.indexOf(name);
    if (label < 0) throw new DataError(`${join(folder, name)}: the class must be in train, too; it is not.`);
    const images = await listImages(join(folder, name));
    if (images.length === 0)
      throw new DataError(`${join(folder, name)}: a class must have an image; got none.`);
    for (const image of images) {
      files.push(image);
      labels.push(label);
    }
  }
  const { pixels, rows, skipped } = await readImages(folder, files, settings, options);
  const y = Int32Array.from(rows, (row) => labels[row] as number);
  for (const name of found) {
    if (!y.includes(classes.indexOf(name))) {
      throw new DataError(`${join(folder, name)}: no image of the class can be read; ${skipped[0]?.reason}`);
    }
  }
  const data = new Dataset(pixelArray(pixels, settings), { dtype: "i32", shape: [y.length], data: y });
  return { data, skipped };
}
