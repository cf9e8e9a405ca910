/** Files that are whole or not there: atomic writes, and file-system errors told in one line with their cure. */
import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, stat, statfs, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { NablaError } from "../util/index.ts";

/** A file or folder could not be read or written. `code` is the system's, as in ENOSPC. */
export class FileError extends NablaError {
  override name = "FileError";
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

const causes: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full. Free some space, or choose another folder",
  EDQUOT: "the disk quota is used up. Free some space, or choose another folder",
  EFBIG:
    "the file would be larger than the system allows. Raise the limit (ulimit -f), or choose another folder",
  EACCES: "permission denied. Choose a folder you may write to",
  EPERM: "the operation is not permitted. Choose a folder you may write to",
  EROFS: "the file system is read-only. Choose another folder",
  ENOTDIR: "a part of the path is a file, not a folder. Choose another path",
  EISDIR: "it is a folder, not a file",
  ENOENT: "it does not exist. Check the path",
  EEXIST: "it exists already. Choose another path",
  EMFILE: "too many files are open. Raise the limit (ulimit -n)",
  EIO: "the disk reports an error. Check it, or choose another folder",
};

/** An error of node:fs as a FileError that says what was being done, why it failed and what to do; others pass unchanged. */
export function fileError(doing: string, path: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (error instanceof NablaError || typeof code !== "string") return error;
  return new FileError(`${path}: cannot ${doing}: ${causes[code] ?? `the system reports ${code}`}.`, code);
}

/** Runs `action`, translating its file-system errors. */
export async function withFile<T>(doing: string, path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw fileError(doing, path, error);
  }
}

/**
 * Writes a file so that a reader, a crash or a full disk never meets a half of it: the bytes go to a temporary file beside it,
 * are flushed to the disk, and the file is renamed over the old one. On an error the old file is as it was.
 *
 * Throws FileError naming the path, the cause and a cure.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array | readonly Uint8Array[],
): Promise<void> {
  const parts = typeof content === "string" || content instanceof Uint8Array ? [content] : content;
  const temporary = join(dirname(path), `.${randomUUID()}.tmp`);
  await withFile("write", path, async () => {
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
      throw error;
    }
  });
  await syncFolder(dirname(path));
}

/** Makes the rename itself survive a power cut; some systems cannot open a folder, and there the rename alone must do. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch {
    // nothing is lost: the file is complete, only its name may be old after a power cut
  }
}

/**
 * Creates a folder and its parents where they are missing. Throws FileError.
 * Not mkdir's `recursive`: where a parent exists and still answers ENOENT, as in /proc, Node tries for ever.
 */
export async function ensureFolder(path: string): Promise<void> {
  await withFile("create the folder", path, async () => {
    const missing: string[] = [];
    for (let at = resolve(path); !(await exists(at)); at = dirname(at)) missing.push(at);
    for (const folder of missing.reverse()) {
      await mkdir(folder).catch((error) => {
        if (error.code !== "EEXIST") throw error; // another process was first
      });
    }
    if (!(await stat(path)).isDirectory()) throw Object.assign(new Error(), { code: "ENOTDIR" });
  });
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" && dirname(path) !== path) return false;
    throw error;
  }
}

/** Creates a folder and its parents, and shows that files can be written there. Throws FileError. */
export async function ensureWritable(path: string): Promise<void> {
  await ensureFolder(path);
  const probe = join(path, `.${randomUUID()}.tmp`);
  await withFile("write to the folder", path, async () => {
    const file = await open(probe, "wx");
    try {
      // Some file systems find room for an empty file and for nothing more.
      await file.writeFile(new Uint8Array(4096));
    } finally {
      await file.close();
      await unlink(probe).catch(() => undefined);
    }
  });
}

/** Throws FileError unless the disk of an existing folder has room for `bytes` more; `what` is what needs it. */
export async function ensureRoom(path: string, bytes: number, what: string): Promise<void> {
  const { bavail, bsize, blocks } = await withFile("ask for the free space", path, () => statfs(path));
  const free = bavail * bsize;
  if (free >= bytes || blocks === 0) return; // some virtual file systems do not say: no blocks at all
  const megabytes = (value: number) => `${(value / 1e6).toFixed(1)} MB`;
  throw new FileError(
    `${path}: the disk must have room for ${what} of ${megabytes(bytes)}; ${megabytes(free)} are free. Free some space, or choose another folder.`,
    "ENOSPC",
  );
}

/** The bytes of a file. Throws FileError. */
export async function readBytes(path: string): Promise<Uint8Array> {
  return withFile("read", path, () => readFile(path));
}
