/** Many image files to the pixels of all, several at a time. */
import { availableParallelism } from "node:os";
import { DataError, FileError } from "../../util/index.ts";
import { decodeImage } from "./decode.ts";
import type { ImageFile } from "./list.ts";
import { bytesFor, type ImageOptions, type ImageSettings } from "./options.ts";
import { progressTeller } from "./progress.ts";

/** An image that was left out, and why. */
export interface SkippedImage {
  readonly path: string;
  readonly reason: string;
}

export interface Decoded {
  /** u8 [rows.length, height, width, channels]. */
  readonly pixels: Uint8Array;
  /** Which of the files each image is. */
  readonly rows: readonly number[];
  readonly skipped: readonly SkippedImage[];
}

/** Throws the DataError or FileError of the first file in order that is bad, unless those are skipped; whichever was decoded first. */
export async function decodeAll(
  files: readonly ImageFile[],
  settings: ImageSettings,
  onProgress: ImageOptions["onProgress"],
): Promise<Decoded> {
  const pixels = new Uint8Array(bytesFor(files.length, settings));
  const width = settings.height * settings.width * settings.channels;
  const bad = new Map<number, DataError | FileError>();
  const progress = await progressTeller(files.length, onProgress);
  let next = 0;
  let done = 0;
  const lane = async (): Promise<void> => {
    while (next < files.length && (bad.size === 0 || settings.onBadImage === "skip")) {
      const at = next++;
      const { path, bytes } = files[at] as ImageFile;
      try {
        pixels.set(await decodeImage(path, bytes, settings), at * width);
      } catch (error) {
        if (!(error instanceof DataError || error instanceof FileError)) throw error;
        bad.set(at, error);
      }
      progress.tell(++done);
    }
  };
  try {
    await Promise.all(Array.from({ length: availableParallelism() }, lane));
  } finally {
    progress.close();
  }
  const failed = [...bad.keys()].sort((a, b) => a - b);
  // Files are begun in order, so whatever comes before the first bad one was read.
  if (settings.onBadImage === "error" && failed[0] !== undefined) throw bad.get(failed[0]);
  const rows = Array.from(files.keys()).filter((at) => !bad.has(at));
  for (const [to, from] of rows.entries()) {
    if (to !== from) pixels.copyWithin(to * width, from * width, (from + 1) * width);
  }
  const skipped = failed.map((at) => ({
    path: (files[at] as ImageFile).path,
    reason: (bad.get(at) as Error).message,
  }));
  return { pixels: failed.length === 0 ? pixels : pixels.slice(0, rows.length * width), rows, skipped };
}
