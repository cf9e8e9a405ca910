/** Bytes of a file, or bytes that are there already, with the name errors call them by. */
import { pathName, readBytes } from "./read.ts";

/** A path, or bytes that came from elsewhere. */
export type FileSource = string | URL | Uint8Array;

export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** `what` names bytes that came from elsewhere. @throws FileError where the file cannot be read */
export async function readSource(source: FileSource, what: string): Promise<NamedBytes> {
  if (source instanceof Uint8Array) return { name: what, bytes: source };
  return { name: pathName(source), bytes: await readBytes(source) };
}
