/** Checkpoints: a tree of tensors as safetensors plus a JSON manifest, replaced together or not at all. */
import { createHash, type Hash } from "node:crypto";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import {
  ensureWritable,
  exists,
  isMissing,
  listFolder,
  readBytes,
  removeFile,
  removeUnfinished,
  writeFileAtomic,
  writeNamedFile,
} from "../files/index.ts";
import { DataError } from "../util/index.ts";
import type { CopySpace } from "./copy-space.ts";
import { encodeSafetensors } from "./safetensors.ts";
import { readTree, type TensorsByPath, tensorsFrom } from "./tensors.ts";

const manifestName = "manifest.json";
const numbered = /^manifest-(\d{6,12})\.json$/;
const stateNameOf = (sha256: string): string => `state-${sha256.slice(0, 16)}.safetensors`;
const stateName = /^state-[0-9a-f]{16}\.safetensors$/;

/** A checkpoint of several in a folder. */
export interface Kept {
  /** Counts the saves into the folder. */
  readonly number: number;
  readonly manifest: Manifest;
}

/** Which of a folder's checkpoints, oldest first, are to stay; the last one always does. */
export type Keep = (saved: readonly Kept[]) => readonly Kept[];

/** What the manifest says; `data` is the writer's own. */
export interface Manifest {
  readonly format: "nabla-checkpoint";
  readonly version: 1;
  /** The safetensors file beside the manifest. Its name holds its digest, so that a new state never overwrites the old. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * Saves a state into the folder `dir`. The manifest is written last and decides which state counts: when anything fails, the
 * previous checkpoint is whole and in force. With `keep` the folder holds several: each has a manifest with a number besides, and states
 * that no manifest names are removed.
 *
 * Throws FileError (disk full, no permission, ...), DataError for a leaf that is not a tensor.
 *
 * @example await saveCheckpoint("runs/a/checkpoint", state, { epoch: 3 });
 */
export async function saveCheckpoint(
  dir: string,
  state: unknown,
  data: Readonly<Record<string, unknown>> = {},
  keep: Keep | null = null,
): Promise<Manifest> {
  return writeCheckpoint(dir, await copyForCheckpoint(state, data), keep);
}

/** What a checkpoint is to hold, apart from the state it was taken of: that may change from then on. */
export interface CheckpointCopy {
  /** Of the safetensors file. */
  readonly parts: readonly Uint8Array[];
  readonly data: Readonly<Record<string, unknown>>;
}

/** A copy in memory, in `space` where it is given. Throws DataError for a leaf that is not a tensor. */
export async function copyForCheckpoint(
  state: unknown,
  data: Readonly<Record<string, unknown>>,
  space?: CopySpace,
): Promise<CheckpointCopy> {
  return {
    parts: encodeSafetensors(await readTree(state, space)),
    data: JSON.parse(JSON.stringify(data)),
  };
}

/**
 * Writes a copy, as `saveCheckpoint` does. With `pause` it leaves the processor to others between two pieces of a megabyte, for that many
 * milliseconds: a digest takes as long as reading the state from memory, a few times over. Throws FileError.
 */
export async function writeCheckpoint(
  dir: string,
  { parts, data }: CheckpointCopy,
  keep: Keep | null = null,
  pause: number | null = null,
): Promise<Manifest> {
  await ensureWritable(dir);
  await removeUnfinished(dir);
  const numbers = await numbersIn(dir);
  const number = (numbers.at(-1) ?? 0) + 1;
  const hash = createHash("sha256");
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  let sha256 = "";
  const nameOfState = (): string => {
    sha256 = hash.digest("hex");
    return stateNameOf(sha256);
  };
  try {
    await writeNamedFile(dir, hashing(parts, hash, pause), nameOfState);
    const file = stateNameOf(sha256);
    const manifest: Manifest = { format: "nabla-checkpoint", version: 1, file, bytes, sha256, data };
    const text = `${JSON.stringify(manifest, null, 2)}\n`;
    // Once there are numbers, they say which one is the newest.
    if (keep !== null || numbers.length > 0) await writeFileAtomic(join(dir, numberedName(number)), text);
    await writeFileAtomic(join(dir, manifestName), text);
    await rotate(dir, keep ?? ((saved) => saved.slice(-1)));
    return manifest;
  } catch (error) {
    await removeStates(dir);
    throw error;
  }
}

const PIECE = 1 << 20;

/** The parts in pieces, each of which the digest has seen: whoever waits for other things comes in between. */
async function* hashing(
  parts: readonly Uint8Array[],
  hash: Hash,
  pause: number | null,
): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    for (let at = 0; at < part.length; at += PIECE) {
      const piece = part.subarray(at, at + PIECE);
      hash.update(piece);
      yield piece;
      if (pause !== null && piece.length === PIECE) await setTimeout(pause);
    }
  }
}

const numberedName = (number: number): string => `manifest-${String(number).padStart(6, "0")}.json`;

/** The numbers of the manifests in a folder, ascending; none where it cannot be read. */
async function numbersIn(dir: string): Promise<number[]> {
  const names = await listFolder(dir).catch(() => []);
  return names
    .flatMap((name) => numbered.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** Removes numbered manifests that are not kept, then states that none names. */
async function rotate(dir: string, keep: Keep): Promise<void> {
  const saved: Kept[] = [];
  const numbers = await numbersIn(dir);
  for (const number of numbers) {
    const manifest = await readManifestFile(join(dir, numberedName(number))).catch(() => null);
    if (manifest !== null) saved.push({ number, manifest });
  }
  const staying = new Set([...keep(saved), ...saved.slice(-1)].map(({ number }) => number));
  for (const number of numbers) {
    if (!staying.has(number)) await removeFile(join(dir, numberedName(number))).catch(() => undefined);
  }
  await removeStates(dir);
}

/** Removes states that no manifest names; what cannot be removed only takes room. None is removed while a manifest cannot be read. */
async function removeStates(dir: string): Promise<void> {
  const names = await listFolder(dir).catch(() => []);
  const named = new Set<string>();
  for (const name of names.filter((own) => own === manifestName || numbered.test(own))) {
    try {
      named.add((await readManifestFile(join(dir, name))).file);
    } catch (error) {
      if (!(error instanceof DataError)) return; // a damaged one names none
    }
  }
  for (const name of names) {
    if (stateName.test(name) && !named.has(name)) await removeFile(join(dir, name)).catch(() => undefined);
  }
}

/** The manifest of the checkpoint in `dir`. Throws FileError when there is none, DataError when it is damaged. */
export function loadManifest(dir: string): Promise<Manifest> {
  return readManifestFile(join(dir, manifestName));
}

async function readManifestFile(path: string): Promise<Manifest> {
  const text = new TextDecoder().decode(await readBytes(path));
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new DataError(
      `${path}: must be JSON; got ${(error as Error).message}. The checkpoint is damaged: restore it from a copy, or train again.`,
    );
  }
  const manifest = parsed as Partial<Manifest> | null;
  if (manifest?.format !== "nabla-checkpoint")
    throw new DataError(`${path}: is not the manifest of a checkpoint.`);
  if (manifest.version !== 1) {
    throw new DataError(
      `${path}: the version must be 1; got ${manifest.version}. It was saved by a newer nabla.`,
    );
  }
  const { file, bytes, sha256, data } = manifest;
  // The file's name comes from outside: it must not lead out of the folder.
  if (
    typeof file !== "string" ||
    !stateName.test(file) ||
    typeof bytes !== "number" ||
    typeof sha256 !== "string" ||
    typeof data !== "object" ||
    data === null
  ) {
    throw new DataError(
      `${path}: must name file, bytes, sha256 and data. The checkpoint is damaged: restore it from a copy, or train again.`,
    );
  }
  return manifest as Manifest;
}

/**
 * The manifest and the tensors of the newest checkpoint in `dir` that is whole; `restoreTree` puts them back into a state's tree. A
 * process warning tells of newer ones that are damaged.
 *
 * Throws FileError when files are missing, DataError when they are truncated or damaged and there is no other.
 */
export async function loadCheckpoint(
  dir: string,
  options: { device?: string } = {},
): Promise<{ manifest: Manifest; tensors: TensorsByPath }> {
  const numbers = (await numbersIn(dir)).reverse();
  const names = [...numbers.map(numberedName), manifestName];
  const wrong: unknown[] = [];
  for (const name of names) {
    try {
      const found = await loadNamed(dir, name, options.device);
      const [first] = wrong;
      if (first instanceof Error) {
        process.emitWarning(`${first.message} ${join(dir, name)} of before it is whole and taken instead.`, {
          type: "NablaWarning",
        });
      }
      return found;
    } catch (error) {
      // What cannot be read for other reasons may be whole.
      if (!(error instanceof DataError) && !isMissing(error)) throw error;
      wrong.push(error);
    }
  }
  throw wrong[0];
}

async function loadNamed(
  dir: string,
  name: string,
  device: string | undefined,
): Promise<{ manifest: Manifest; tensors: TensorsByPath }> {
  const manifest = await readManifestFile(join(dir, name));
  const path = join(dir, manifest.file);
  const bytes = await readBytes(path);
  if (bytes.length !== manifest.bytes) {
    const how = bytes.length < manifest.bytes ? " (truncated)" : "";
    throw new DataError(
      `${path}: must be ${manifest.bytes} bytes; got ${bytes.length}${how}. The checkpoint is damaged: restore it from a copy, or train again.`,
    );
  }
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== manifest.sha256) {
    throw new DataError(
      `${path}: its digest is not the manifest's. The checkpoint is damaged: restore it from a copy, or train again.`,
    );
  }
  return { manifest, tensors: tensorsFrom(bytes, path, device) };
}

/** Whether `dir` holds a checkpoint. Throws FileError when it cannot be told. */
export async function hasCheckpoint(dir: string): Promise<boolean> {
  return (await exists(join(dir, manifestName))) || (await numbersIn(dir)).length > 0;
}
