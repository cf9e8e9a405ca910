/** NPZ files: NPY arrays by name in a zip archive. */
import { type FileSource, readSource } from "../files/index.ts";
import { DataError } from "../util/index.ts";
import type { HostArray } from "./host.ts";
import { parseNpy } from "./npy.ts";

/** A few kilobytes can unpack to any size: a larger array belongs in a file of its own. */
const MOST_BYTES = 2 ** 31;
/** Deflate packs no better than 1,032 to 1, so that a larger claim is a lie. */
const MOST_RATIO = 1032;

/**
 * Reads an NPZ file, as `numpy.savez` and `savez_compressed` write it: its arrays by name.
 *
 * Throws FileError where the file cannot be read; DataError naming it, and the array, for what is damaged.
 *
 * @example const { x, y } = await readNpz("digits.npz");
 */
export async function readNpz(source: FileSource): Promise<Record<string, HostArray>> {
  const { name, bytes } = await readSource(source, "the NPZ data");
  const { unzipSync } = await import("fflate");
  let total = 0;
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, {
      filter: ({ name: inner, originalSize, size }) => {
        total += originalSize;
        if (originalSize > MOST_RATIO * size + 64 || total > MOST_BYTES) {
          throw new DataError(
            `${name}, ${inner}: must unpack to less than 2 GB; it claims ${originalSize} bytes.`,
          );
        }
        return inner.endsWith(".npy");
      },
    });
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(`${name}: must be a whole zip archive (${(error as Error).message}).`);
  }
  const arrays = Object.entries(files).map(([inner, content]): [string, HostArray] => [
    inner.slice(0, -4),
    parseNpy(content, `${name}, ${inner}`),
  ]);
  if (arrays.length === 0) throw new DataError(`${name}: there must be an array in it; got none.`);
  return Object.fromEntries(arrays);
}
