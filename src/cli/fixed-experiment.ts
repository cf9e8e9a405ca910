/** <experiment>.fixed.ts: an experiment file that takes another one with remedies, as `nabla doctor --fix` writes it. */
import { dirname, join, parse, resolve } from "node:path";
import type { Remedy } from "../doctor/index.ts";
import { FileError, readBytes, writeFileAtomic } from "../io/index.ts";
import { UsageError } from "./exit.ts";
import { shortPath } from "./load.ts";

const mark = "/** Written by nabla doctor --fix:";

/** Beside the experiment: mnist.ts has mnist.fixed.ts. Throws UsageError where a file of somebody else's stands there. */
export async function fixedPath(experiment: string): Promise<string> {
  const { name, ext } = parse(experiment);
  const path = join(dirname(resolve(experiment)), `${name}.fixed${ext}`);
  try {
    const text = new TextDecoder().decode(await readBytes(path));
    if (text.startsWith(mark)) return path;
  } catch (error) {
    if (error instanceof FileError && error.code === "ENOENT") return path;
    throw error;
  }
  throw new UsageError(
    `--fix: would write ${shortPath(path)}, which holds something else. Move it away, or rename the experiment.`,
  );
}

/** Writes it, whole or not at all, and gives its path. */
export async function writeFixed(experiment: string, remedies: readonly Remedy[]): Promise<string> {
  const path = await fixedPath(experiment);
  const source = JSON.stringify(`./${parse(experiment).base}`);
  await writeFileAtomic(
    path,
    `${mark} ${parse(experiment).base} with remedies that helped beyond the noise. */
import { applyRemedies } from "nabla/doctor";
import experiment from ${source};

export default applyRemedies(experiment, ${JSON.stringify(remedies, null, 2)});
`,
  );
  return path;
}
