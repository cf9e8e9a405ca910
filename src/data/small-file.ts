/** Files that are read and written whole, with errors that name them. */
import { randomUUID } from "node:crypto";
import { open, readFile, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DataError } from "../util/index.ts";
import { cannotRead } from "./read-bytes.ts";

const cause = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

/** Throws DataError naming the file and the cause. */
export async function readWhole(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw cannotRead(path, error);
  }
}

/** Under another name first: a crash leaves the old file or the new one, never half of it. Throws DataError. */
export async function writeWhole(path: string, parts: readonly (string | Uint8Array)[]): Promise<void> {
  const temporary = join(dirname(path), `.${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, "wx");
    try {
      for (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw new DataError(
      `${path}: the file cannot be written (${cause(error)}). Check the folder and its disk.`,
    );
  }
}
