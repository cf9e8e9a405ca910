/** Files read whole, up to a bound: a file may claim to be larger than memory, or, as a device, never end. */
import { type FileHandle, open } from "node:fs/promises";
import { totalmem } from "node:os";
import { FileError } from "../util/index.ts";
import { withFile } from "./error.ts";
import { fill } from "./fill.ts";

export interface ReadOptions {
  /** Bytes the file may have; default: what the machine, or its container, has of memory. */
  readonly most?: number;
}

/** Of a pipe or device, which does not say how much it holds, unless more is asked for. */
const mostUnsized = 2 ** 31;

/** 0 or an enormous number stands for no limit. */
function memory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/**
 * The bytes of a file, in memory of their own.
 * @throws FileError where it cannot be read or has more than `most` bytes
 * @example const bytes = await readBytes("model.safetensors");
 */
export async function readBytes(path: string | URL, { most }: ReadOptions = {}): Promise<Uint8Array> {
  const name = pathName(path);
  return withFile("read", name, async () => {
    const file = await open(path, "r");
    try {
      const stat = await file.stat();
      const sized = stat.isFile() && stat.size > 0; // what /proc holds has no size
      const bound = most ?? (sized ? memory() : mostUnsized);
      if (stat.size > bound) throw tooLarge(name, `${stat.size}`, bound);
      return sized ? await readSized(file, stat.size) : await readUnsized(file, name, bound);
    } finally {
      await file.close();
    }
  });
}

/** A path as errors name it. */
export const pathName = (path: string | URL): string => (typeof path === "string" ? path : path.pathname);

function tooLarge(name: string, size: string, bound: number): FileError {
  return new FileError(
    `${name}: the file must have at most ${bound} bytes to be read at once; it has ${size}. Read it by parts, or divide it.`,
    "EFBIG",
  );
}

async function readSized(file: FileHandle, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  return bytes.subarray(0, await fill(file, bytes, 0));
}

async function readUnsized(file: FileHandle, name: string, bound: number): Promise<Uint8Array> {
  let bytes = new Uint8Array(Math.min(65_536, bound + 1));
  let length = await fill(file, bytes, null);
  while (length === bytes.length) {
    if (length > bound) throw tooLarge(name, "more", bound);
    const larger = new Uint8Array(Math.min(2 * length, bound + 1));
    larger.set(bytes);
    length += await fill(file, larger.subarray(length), null);
    bytes = larger;
  }
  return bytes.slice(0, length);
}
