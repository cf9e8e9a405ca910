/**
 * Bundles src into dist, one file for each entry point and a few chunks that they share. Node takes a third of a millisecond to find,
 * read and link a module, so that two hundred of them were most of a start.
 * Chunks lie one folder below dist, as folders do below src: what is found relative to a module is found from both.
 */
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const libraries = ["nn", "optim", "data", "metrics", "train", "trust", "doctor", "io", "testing"];
const entries = [
  "index",
  ...libraries.map((name) => `${name}/index`),
  "cli/main",
  "modules/resolve",
  "cli/compare-lane",
  "data/loading/row-worker",
  "data/table/parquet-worker",
  "io/write-worker",
];

export async function bundle() {
  rmSync(join(root, "dist", "chunks"), { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: entries.map((entry) => `src/${entry}.ts`),
    outbase: "src",
    outdir: "dist",
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: true,
    logLevel: "warning",
  });
}
