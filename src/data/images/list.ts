/** The image files of a folder, in an order that does not depend on the system. */
import { join, relative, sep } from "node:path";
import { listFolder, lookAt } from "../../files/index.ts";

const extensions = /\.(?:jpe?g|png|webp|gif|avif|tiff?)$/i;

/** A file as it was when it was listed. */
export interface ImageFile {
  readonly path: string;
  readonly bytes: number;
  readonly modified: number;
}

/** Names of the folders in a folder, sorted; hidden ones are left out. @throws FileError */
export async function listFolders(path: string): Promise<string[]> {
  const names = (await listFolder(path)).filter((name) => !name.startsWith("."));
  const facts = await Promise.all(names.map((name) => lookAt(join(path, name))));
  return names.filter((_, at) => facts[at]?.kind === "folder");
}

/** Image files, by extension, in a folder and all below, sorted by path; hidden ones are left out. @throws FileError */
export async function listImages(folder: string): Promise<ImageFile[]> {
  const paths = await listFolder(folder, { deep: true });
  const images = paths.filter(
    (path) => extensions.test(path) && !path.split("/").some((part) => part.startsWith(".")),
  );
  return Promise.all(images.map((path) => imageFile(join(folder, path))));
}

/** @throws FileError where it is not there */
export async function imageFile(path: string): Promise<ImageFile> {
  const { bytes, modified } = await lookAt(path);
  return { path, bytes, modified };
}

/** With slashes on every system. */
export const pathWithin = (root: string, path: string): string => relative(root, path).split(sep).join("/");
