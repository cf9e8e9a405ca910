/** Files that are whole or not there: the new one takes the old one's place in one step, and is on the disk by then. */
import { randomUUID } from "node:crypto";
import { type FileHandle, open, readdir, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { withFile } from "./error.ts";

/** A file's content, at once or in parts. */
export type FileContent = string | Uint8Array | Iterable<FilePart> | AsyncIterable<FilePart>;
export type FilePart = string | Uint8Array;

const temporaryName = /^\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;

/**
 * Writes a file so that a reader, a crash or a full disk never meets a half of it: the bytes go to a temporary file in the same folder,
 * are flushed to the disk, the file is renamed over the old one, and the folder is flushed. On an error, one of the parts' own too, the
 * old file is as it was and the temporary one is gone.
 *
 * @throws FileError naming the path, the cause and a cure
 * @example await writeFileAtomic("report.json", JSON.stringify({ loss: 0.1 }));
 */
export async function writeFileAtomic(path: string, content: FileContent): Promise<void> {
  const parts = typeof content === "string" || content instanceof Uint8Array ? [content] : content;
  await withFile("write", path, async () => {
    const temporary = join(dirname(path), `.${randomUUID()}.tmp`);
    try {
      await closing(await open(temporary, "wx"), async (file) => {
        for await (const part of parts) await file.writeFile(part);
        await file.sync();
      });
      await rename(temporary, path);
    } catch (error) {
      await unlink(temporary).catch(() => undefined);
      throw error;
    }
    await syncFolder(dirname(path));
  });
}

/**
 * Appends to a file, which is made where there is none. Not atomic: a reader may meet a part of it, as one of a log must be ready to.
 * @throws FileError
 */
export async function appendToFile(path: string, part: FilePart): Promise<void> {
  await withFile("write", path, async () => closing(await open(path, "a"), (file) => file.writeFile(part)));
}

/**
 * Removes what writes left in a folder when their process was killed. Only for a folder with a single writer: another's unfinished write
 * would fail. What cannot be removed stays, since it only takes room.
 */
export async function removeUnfinished(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (temporaryName.test(name)) await unlink(join(folder, name)).catch(() => undefined);
  }
}

/** @throws FileError */
export const removeFile = (path: string): Promise<void> => withFile("remove", path, () => unlink(path));

/** Makes the rename itself survive a power cut. */
async function syncFolder(path: string): Promise<void> {
  try {
    await closing(await open(path, "r"), (folder) => folder.sync());
  } catch (error) {
    // Some systems cannot open or flush a folder, and there the rename alone must do.
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!["EACCES", "EPERM", "EISDIR", "EINVAL", "EBADF", "ENOTSUP"].includes(code)) throw error;
  }
}

/** A disk may refuse bytes as late as at closing. */
async function closing(file: FileHandle, action: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    await action(file);
  } finally {
    await file.close();
  }
}
