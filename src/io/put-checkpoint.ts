/** Puts a checkpoint into a folder: its state first, the manifest last, so that they are replaced together or not at all. */
import { join } from "node:path";
import { ensureWritable, listFolder, removeFile, removeUnfinished, writeFileAtomic } from "../files/index.ts";
import { DataError } from "../util/index.ts";
import {
  checkOf,
  type Kept,
  keptCheckpoints,
  loadManifest,
  type Manifest,
  manifestName,
  NewerCheckpointError,
  numbered,
  numberedName,
  numbersIn,
  readManifestFile,
  stateName,
} from "./checkpoint.ts";
import type { StateFile } from "./write-state.ts";

/** Which of a folder's checkpoints, oldest first, are to stay; the last one always does. */
export type Keep = (saved: readonly Kept[]) => readonly Kept[];

/** Writes the state by `write`, then the manifest that names it and holds `data`, and lets go of what is not to stay. Throws as `write` does. */
export async function putCheckpoint(
  dir: string,
  data: Manifest["data"],
  keep: Keep | null,
  write: () => Promise<StateFile>,
): Promise<Manifest> {
  await ensureWritable(dir);
  await refuseNewer(dir);
  await removeUnfinished(dir);
  const numbers = await numbersIn(dir);
  const number = (numbers.at(-1) ?? 0) + 1;
  let manifest: Manifest;
  try {
    manifest = { format: "nabla-checkpoint", version: 1, ...(await write()), data };
    const text = `${JSON.stringify({ ...manifest, check: checkOf(manifest) }, null, 2)}\n`;
    // Once there are numbers, they say which one is the newest.
    if (keep !== null || numbers.length > 0) await writeFileAtomic(join(dir, numberedName(number)), text);
    await writeFileAtomic(join(dir, manifestName), text);
  } catch (error) {
    await removeStates(dir);
    throw error;
  }
  await rotate(dir, keep ?? ((saved) => saved.slice(-1)));
  return manifest;
}

/** What a newer nabla saved cannot be kept beside an older one's, which does not know what belongs to it. */
async function refuseNewer(dir: string): Promise<void> {
  try {
    await loadManifest(dir);
  } catch (error) {
    if (!(error instanceof NewerCheckpointError)) return; // none, or a damaged one: a save is what it needs
    throw new DataError(
      `${dir}: holds a checkpoint of a newer nabla, which a save would replace. Save into another folder, or use that nabla.`,
    );
  }
}

/** Removes numbered manifests that are not kept, then states that none names. */
async function rotate(dir: string, keep: Keep): Promise<void> {
  const numbers = await numbersIn(dir);
  const saved = await keptCheckpoints(dir);
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
