/** Files larger than memory: in parts one after the other, or at any place. */
import { open } from "node:fs/promises";
import { withFile } from "./error.ts";
import { fill } from "./fill.ts";

/** The bytes of a file, or of a pipe, in parts of a megabyte at most; a loop left early closes it. @throws FileError */
export async function* readParts(path: string): AsyncGenerator<Uint8Array> {
  const file = await withFile("read", path, () => open(path, "r"));
  try {
    while (true) {
      const part = new Uint8Array(1 << 20);
      const { bytesRead } = await withFile("read", path, () => file.read(part));
      if (bytesRead === 0) return;
      yield part.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** A file open for reading at any place. */
export interface OpenFile {
  /** Bytes in it when it was opened. */
  readonly size: number;
  /** Fills `into` from byte `at` on and gives how many there were: fewer where the file ends. @throws FileError */
  read(into: Uint8Array, at: number): Promise<number>;
  close(): Promise<void>;
}

/** @throws FileError where it cannot be opened */
export async function openFile(path: string): Promise<OpenFile> {
  return withFile("read", path, async () => {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      return {
        size,
        read: (into, at) => withFile("read", path, () => fill(file, into, at)),
        close: () => file.close(),
      };
    } catch (error) {
      await file.close();
      throw error;
    }
  });
}
