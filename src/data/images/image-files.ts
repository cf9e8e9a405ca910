/** Images without labels, to predict on. */
import { join, resolve } from "node:path";
import { DataError } from "../../util/index.ts";
import { ByteArray } from "../byte-array.ts";
import { ImageCache } from "./cache.ts";
import { type Decoded, decodeAll, type SkippedImage } from "./decode-all.ts";
import { type ImageFile, imageFile, listImages } from "./list.ts";
import { type ImageOptions, type ImageSettings, imageSettings, knownOptions } from "./options.ts";

const scaled = Float32Array.from({ length: 256 }, (_, value) => value / 255);

export interface Images {
  /** f32 [n, height, width, channels] in [0, 1], kept as bytes. */
  readonly x: ByteArray;
  /** The file of each image. */
  readonly files: readonly string[];
  readonly skipped: readonly SkippedImage[];
}

/** Decodes, or takes what was kept. */
export async function readImages(
  root: string,
  files: readonly ImageFile[],
  settings: ImageSettings,
  { cache, onProgress }: ImageOptions,
): Promise<Decoded> {
  if (cache === undefined || cache === false) return decodeAll(files, settings, onProgress);
  const kept = new ImageCache(cache === true ? join(root, ".nabla") : resolve(cache), root, files, settings);
  const found = await kept.read();
  if (found !== null) return found;
  const decoded = await decodeAll(files, settings, onProgress);
  await kept.write(decoded);
  return decoded;
}

/** Pixels as numbers in [0, 1]. */
export const pixelArray = (pixels: Uint8Array, { height, width, channels }: ImageSettings): ByteArray =>
  new ByteArray([pixels.length / (height * width * channels), height, width, channels], pixels, scaled);

/**
 * The images of a folder and all below it, sorted by path, or of the named files in their order: x f32 [n, height, width, channels]
 * in [0, 1]. Formats: JPEG, PNG, WebP, GIF, AVIF, TIFF.
 * @throws ConfigError for unknown or wrong options; FileError naming the folder or file that is not there or cannot be read; DataError
 * for one that has no image or is none.
 * @example const { x, files } = await imageFiles("photos", { size: 64 });
 */
export async function imageFiles(from: string | readonly string[], options: ImageOptions): Promise<Images> {
  const settings = imageSettings("imageFiles", options, knownOptions);
  const root = resolve(typeof from === "string" ? from : ".");
  const files = await (typeof from === "string"
    ? listImages(root)
    : Promise.all(from.map((path) => imageFile(resolve(path)))));
  if (files.length === 0) throw new DataError(`${root}: there must be at least one image; got none.`);
  const { pixels, rows, skipped } = await readImages(root, files, settings, options);
  if (rows.length === 0) throw new DataError(`${root}: no image can be read; ${skipped[0]?.reason}`);
  const names = rows.map((row) => (files[row] as ImageFile).path);
  return { x: pixelArray(pixels, settings), files: names, skipped };
}
