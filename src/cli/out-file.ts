/** --out of a report: checked before the work, so that a wrong path costs no time. */
import { dirname, extname, resolve } from "node:path";
import { ensureWritable, writeFileAtomic } from "../files/index.ts";
import { UsageError } from "./exit.ts";
import { shortPath } from "./load.ts";

/** The ending of `path`. Throws UsageError unless it is one of `endings`, FileError when its folder cannot be written. */
export async function checkOut(path: string, endings: readonly string[]): Promise<string> {
  const ending = extname(path).toLowerCase();
  if (!endings.includes(ending)) {
    throw new UsageError(`--out: must end in ${endings.join(" or ")}; got ${path}.`);
  }
  await ensureWritable(dirname(resolve(path)));
  return ending;
}

/** Writes it and says so. */
export async function writeOut(path: string, text: string): Promise<string> {
  await writeFileAtomic(resolve(path), text);
  return `report in ${shortPath(resolve(path))}`;
}
