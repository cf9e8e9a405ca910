/** Bytes of a file, or bytes that are there already, with the name errors call them by. */
import { readFile } from "node:fs/promises";
import { DataError } from "../util/index.ts";

/** A path, or bytes that came from elsewhere. */
export type FileSource = string | URL | Uint8Array;

export interface Named {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Throws DataError that says why the file cannot be read. */
export async function readBytes(source: FileSource, what: string): Promise<Named> {
  if (source instanceof Uint8Array) return { name: what, bytes: source };
  const name = nameOf(source, what);
  try {
    return { name, bytes: await readFile(source) };
  } catch (error) {
    throw cannotRead(name, error);
  }
}

export const nameOf = (source: FileSource, what: string): string =>
  source instanceof Uint8Array ? what : typeof source === "string" ? source : source.pathname;

export function cannotRead(name: string, error: unknown): DataError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return new DataError(`${name}: the file does not exist. Check the path.`);
  if (code === "EISDIR")
    return new DataError(`${name}: it must be a file; it is a folder. Name a file in it.`);
  if (code === "EACCES") return new DataError(`${name}: the file cannot be read: permission denied.`);
  if (code === "ERR_FS_FILE_TOO_LARGE") {
    return new DataError(`${name}: the file is too large to be read at once. Read it by chunks.`);
  }
  return new DataError(`${name}: the file cannot be read (${code ?? String(error)}).`);
}
