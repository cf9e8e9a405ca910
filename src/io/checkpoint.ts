/** Checkpoints: a tree of tensors as safetensors plus a JSON manifest, replaced together or not at all. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import {
  ensureWritable,
  exists,
  listFolder,
  readBytes,
  removeFile,
  removeUnfinished,
  writeFileAtomic,
} from "../files/index.ts";
import { DataError } from "../util/index.ts";
import { encodeSafetensors } from "./safetensors.ts";
import { readTree, type TensorsByPath, tensorsFrom } from "./tensors.ts";

const manifestName = "manifest.json";

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
 * previous checkpoint is whole and in force.
 *
 * Throws FileError (disk full, no permission, ...), DataError for a leaf that is not a tensor.
 *
 * @example await saveCheckpoint("runs/a/checkpoint", state, { epoch: 3 });
 */
export async function saveCheckpoint(
  dir: string,
  state: unknown,
  data: Readonly<Record<string, unknown>> = {},
): Promise<Manifest> {
  const parts = encodeSafetensors(await readTree(state));
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  const sha256 = hash.digest("hex");
  const file = `state-${sha256.slice(0, 16)}.safetensors`;
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  const manifest: Manifest = { format: "nabla-checkpoint", version: 1, file, bytes, sha256, data };
  await ensureWritable(dir);
  await removeUnfinished(dir);
  try {
    await writeFileAtomic(join(dir, file), parts);
    await writeFileAtomic(join(dir, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
  } catch (error) {
    await removeStates(dir, await currentFile(dir));
    throw error;
  }
  await removeStates(dir, file);
  return manifest;
}

/** The state file in force, or null when there is none. */
async function currentFile(dir: string): Promise<string | null> {
  try {
    return (await loadManifest(dir)).file;
  } catch {
    return null;
  }
}

/** Removes states that are not in force; one that cannot be removed only takes room. */
async function removeStates(dir: string, keep: string | null): Promise<void> {
  const names = await listFolder(dir).catch(() => []);
  for (const name of names) {
    if (/^state-[0-9a-f]{16}\.safetensors$/.test(name) && name !== keep)
      await removeFile(join(dir, name)).catch(() => undefined);
  }
}

/** The manifest of the checkpoint in `dir`. Throws FileError when there is none, DataError when it is damaged. */
export async function loadManifest(dir: string): Promise<Manifest> {
  const path = join(dir, manifestName);
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
    !/^state-[0-9a-f]{16}\.safetensors$/.test(file) ||
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
 * The manifest and the tensors of the checkpoint in `dir`; `restoreTree` puts them back into a state's tree.
 *
 * Throws FileError when files are missing, DataError when they are truncated or damaged.
 */
export async function loadCheckpoint(
  dir: string,
  options: { device?: string } = {},
): Promise<{ manifest: Manifest; tensors: TensorsByPath }> {
  const manifest = await loadManifest(dir);
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
  return { manifest, tensors: tensorsFrom(bytes, path, options.device) };
}

/** Whether `dir` holds a checkpoint. Throws FileError when it cannot be told. */
export function hasCheckpoint(dir: string): Promise<boolean> {
  return exists(join(dir, manifestName));
}
