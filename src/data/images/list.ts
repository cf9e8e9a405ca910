/** The image files of a folder, in an order that does not depend on the system. */
import { readdir, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { DataError } from "../../util/index.ts";

const extensions = /\.(?:jpe?g|png|webp|gif|avif|tiff?)$/i;

/** A file as it was when it was listed. */
export interface ImageFile {
  readonly path: string;
  readonly bytes: number;
  readonly modified: number;
}

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Of a folder it may be something within that cannot be read: that is what is named. */
const refused = (given: string, what: string, error: unknown): DataError => {
  const { code, path = given } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return new DataError(`${path}: the ${what} does not exist. Check the path.`);
  if (code === "ENOTDIR") return new DataError(`${path}: must be a folder; it is a file.`);
  if (code === "EACCES") return new DataError(`${path}: the ${what} cannot be read: permission denied.`);
  return new DataError(`${path}: the ${what} cannot be read (${code ?? String(error)}).`);
};

/** Names of the folders in a folder, sorted; hidden ones are left out. Throws DataError. */
export async function listFolders(path: string): Promise<string[]> {
  try {
    const names = (await readdir(path)).filter((name) => !name.startsWith("."));
    const folders = await Promise.all(
      names.map(async (name) => (await stat(join(path, name))).isDirectory()),
    );
    return names.filter((_, at) => folders[at]).sort(byName);
  } catch (error) {
    throw refused(path, "folder", error);
  }
}

/** Image files, by extension, in a folder and all below, sorted by path; hidden ones are left out. Throws DataError. */
export async function listImages(folder: string): Promise<ImageFile[]> {
  let paths: string[];
  try {
    paths = await readdir(folder, { recursive: true });
  } catch (error) {
    throw refused(folder, "folder", error);
  }
  const images = paths
    .filter((path) => extensions.test(path) && !path.split(sep).some((part) => part.startsWith(".")))
    .map((path) => path.split(sep).join("/"))
    .sort(byName);
  return Promise.all(images.map((path) => imageFile(join(folder, path))));
}

/** Throws DataError where it is not there. */
export async function imageFile(path: string): Promise<ImageFile> {
  try {
    const { size, mtimeMs } = await stat(path);
    return { path, bytes: size, modified: mtimeMs };
  } catch (error) {
    throw refused(path, "file", error);
  }
}

/** With slashes on every system. */
export const pathWithin = (root: string, path: string): string => relative(root, path).split(sep).join("/");
