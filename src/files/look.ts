/** What is at a path and in a folder, in an order that does not depend on the system. */
import { readdir, stat } from "node:fs/promises";
import { sep } from "node:path";
import { FileError } from "../util/index.ts";
import { fileError, withFile } from "./error.ts";

export interface FileFacts {
  /** "other" is a device, a pipe or a socket. */
  readonly kind: "file" | "folder" | "other";
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** Follows links. @throws FileError where nothing is there or it cannot be told */
export async function lookAt(path: string): Promise<FileFacts> {
  const found = await withFile("read", path, () => stat(path));
  const kind = found.isFile() ? "file" : found.isDirectory() ? "folder" : "other";
  return { kind, bytes: found.size, modified: found.mtimeMs };
}

/** Whether something is at the path. @throws FileError where it cannot be told, as for want of permission */
export async function exists(path: string): Promise<boolean> {
  try {
    await lookAt(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Whether an error says that nothing is there: neither the file, nor perhaps the folder it would be in. */
export const isMissing = (error: unknown): boolean =>
  error instanceof FileError && (error.code === "ENOENT" || error.code === "ENOTDIR");

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Names in a folder, sorted; with `deep` paths, divided by slashes on every system, of what is in folders below it as well.
 * @throws FileError
 */
export async function listFolder(path: string, { deep = false } = {}): Promise<string[]> {
  const names = await readdir(path, { recursive: deep }).catch((error) => {
    // With `deep` it may be a folder within that cannot be read: that is what is named.
    throw fileError("list the folder", error.path ?? path, error);
  });
  return names.map((name) => name.split(sep).join("/")).sort(byName);
}
