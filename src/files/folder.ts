/** Folders that are there and can be written to, with room for what is to come. */
import { randomUUID } from "node:crypto";
import { mkdir, open, stat, statfs, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { FileError } from "../util/index.ts";
import { withFile } from "./error.ts";
import { exists } from "./look.ts";

/**
 * Creates a folder and its parents where they are missing. Not mkdir's `recursive`: where a parent exists and still answers ENOENT, as in
 * /proc, Node tries for ever.
 * @throws FileError
 */
export async function ensureFolder(path: string): Promise<void> {
  await withFile("create the folder", path, async () => {
    const missing: string[] = [];
    for (let at = resolve(path); at !== dirname(at) && !(await exists(at)); at = dirname(at))
      missing.push(at);
    for (const folder of missing.reverse()) {
      await mkdir(folder).catch((error) => {
        if (error.code !== "EEXIST") throw error; // another process was first
      });
    }
    if (!(await stat(path)).isDirectory()) throw Object.assign(new Error(), { code: "ENOTDIR" });
  });
}

/** Creates a folder that must not be there yet: EEXIST is the code where it is. @throws FileError */
export async function newFolder(path: string): Promise<void> {
  await withFile("create the folder", path, () => mkdir(path));
}

/** Creates a folder and its parents, and shows that files can be written there. @throws FileError */
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

/** Shows that the disk of an existing folder has room for `bytes` more; `what` is what needs it. @throws FileError where it has not */
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
