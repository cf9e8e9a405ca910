/** Checkpoints in a folder: a JSON manifest each, and the safetensors file that it names. Read here, written by put-checkpoint.ts. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { exists, isMissing, listFolder, readBytes } from "../files/index.ts";
import { DataError } from "../util/index.ts";
import { type TensorsByPath, tensorsFrom } from "./tensors.ts";

export const manifestName = "manifest.json";
export const numbered = /^manifest-(\d{6,12})\.json$/;
export const stateName = /^state-[0-9a-f]{16}\.safetensors$/;

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

export const numberedName = (number: number): string => `manifest-${String(number).padStart(6, "0")}.json`;

/** The numbers of the manifests in a folder, ascending; none where it cannot be read. */
export async function numbersIn(dir: string): Promise<number[]> {
  const names = await listFolder(dir).catch(() => []);
  return names
    .flatMap((name) => numbered.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** A manifest that a newer nabla wrote. */
export class NewerCheckpointError extends DataError {}

/** The manifest of the checkpoint in `dir`. Throws FileError when there is none, DataError when it is damaged. */
export function loadManifest(dir: string): Promise<Manifest> {
  return readManifestFile(join(dir, manifestName));
}

export async function readManifestFile(path: string): Promise<Manifest> {
  const text = new TextDecoder().decode(await readBytes(path, { most: mostOfManifest }));
  const fail = (what: string): never => {
    throw new DataError(
      `${path}: ${what}. The checkpoint is damaged: restore it from a copy, or train again.`,
    );
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    const { message } = error as Error;
    return fail(`must be JSON; got ${message.replace(/\s+/g, " ")}`); // it quotes a piece of the file
  }
  const manifest = parsed as { readonly [K in keyof Manifest | "check"]?: unknown } | null;
  if (manifest?.format !== "nabla-checkpoint")
    throw new DataError(`${path}: is not the manifest of a checkpoint.`);
  if (isDeep(parsed)) fail(`must be nested at most ${mostLevels} deep`);
  const { version, file, bytes, sha256, data, check } = manifest;
  const named = typeof file === "string" && stateName.test(file); // from outside: it must not lead out of the folder
  if (version !== 1) {
    const newer = typeof version === "number" && version > 1;
    if (!newer) return fail(`the version must be 1; got ${JSON.stringify(version)}`);
    const still = named ? ` The weights in ${file} may be read by loadSafetensors, or initFromFile.` : "";
    throw new NewerCheckpointError(
      `${path}: the version must be 1; got ${version}. It was saved by a newer nabla. Load it with that one.${still}`,
    );
  }
  if (
    !named ||
    typeof bytes !== "number" ||
    typeof sha256 !== "string" ||
    typeof data !== "object" ||
    data === null ||
    Array.isArray(data)
  ) {
    return fail("must name file, bytes, sha256 and data");
  }
  const read = { format: manifest.format, version, file, bytes, sha256, data: { ...data } } as const;
  // Manifests of before there was one have none.
  if (check !== undefined && check !== checkOf(read)) fail("its contents are not what was written");
  return read;
}

/** What a manifest says of itself, so that a damaged number in it is not taken for another. */
export const checkOf = (manifest: Manifest): string =>
  createHash("sha256").update(JSON.stringify(manifest)).digest("hex").slice(0, 16);

/** A history of a million epochs is some 200 MB. */
const mostOfManifest = 2 ** 29;
const mostLevels = 100;

/** Whether a value is nested deeper than what walks through it may bear. */
function isDeep(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > mostLevels) return true;
    level = level.flatMap((one) => (typeof one === "object" && one !== null ? Object.values(one) : []));
  }
  return false;
}

/**
 * The manifest and the tensors of the newest checkpoint in `dir` that is whole; `restoreTree` puts them back into a state's tree. A
 * process warning tells of newer ones that are damaged. With `number` that one of several, and no other.
 *
 * Throws FileError when files are missing, DataError when they are truncated or damaged and there is no other.
 */
export async function loadCheckpoint(
  dir: string,
  options: { device?: string; number?: number } = {},
): Promise<{ manifest: Manifest; tensors: TensorsByPath }> {
  if (options.number !== undefined) return loadNamed(dir, numberedName(options.number), options.device);
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

/** A checkpoint of several in a folder. */
export interface Kept {
  /** Counts the saves into the folder. */
  readonly number: number;
  readonly manifest: Manifest;
}

/** Those of a folder that keeps several, oldest first; none that is damaged. */
export async function keptCheckpoints(dir: string): Promise<Kept[]> {
  const kept: Kept[] = [];
  for (const number of await numbersIn(dir)) {
    const manifest = await readManifestFile(join(dir, numberedName(number))).catch(() => null);
    if (manifest !== null) kept.push({ number, manifest });
  }
  return kept;
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
