/** Reads until there is no more room or no more file: the system may give less than it is asked for. */
import type { FileHandle } from "node:fs/promises";

/** Of one call to the system, which takes less than 2 GiB. */
const atOnce = 2 ** 30;

/** Fills `into` from byte `at` on (null: from where the last read ended) and gives how many bytes there were. */
export async function fill(file: FileHandle, into: Uint8Array, at: number | null): Promise<number> {
  let length = 0;
  while (length < into.length) {
    const most = Math.min(atOnce, into.length - length);
    const { bytesRead } = await file.read(into, length, most, at === null ? null : at + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return length;
}
