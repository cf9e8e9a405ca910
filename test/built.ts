/** Before all tests: the bundle that tests of the command line run, as users do, is made anew where a source is newer. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));
const changed = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

export async function setup(): Promise<void> {
  const sources = readdirSync(path("src"), { recursive: true, encoding: "utf8" });
  const newest = Math.max(...sources.map((file) => changed(join(path("src"), file))));
  if (newest <= changed(path("dist/chunks"))) return;
  const { bundle } = (await import(new URL("../scripts/bundle.mjs", import.meta.url).href)) as {
    bundle: () => Promise<void>;
  };
  await bundle();
}
