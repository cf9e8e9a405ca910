/** Writes a state's bytes under a name that holds their digest, so that a new state never overwrites an old one. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { writeFileAtomic } from "../files/index.ts";

/** What a manifest says of its state. */
export interface StateFile {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Writes the parts one after the other into a file of the folder `dir`. @throws FileError */
export async function writeState(dir: string, parts: readonly Uint8Array[]): Promise<StateFile> {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  const sha256 = hash.digest("hex");
  const file = `state-${sha256.slice(0, 16)}.safetensors`;
  await writeFileAtomic(join(dir, file), parts);
  return { file, bytes: parts.reduce((sum, part) => sum + part.length, 0), sha256 };
}

/** What is handed over with the parts to another thread. */
export const buffersOf = (parts: readonly Uint8Array[]): ArrayBuffer[] =>
  parts.flatMap(({ buffer }) => (buffer instanceof ArrayBuffer ? [buffer] : []));
