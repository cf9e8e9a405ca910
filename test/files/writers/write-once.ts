/** write-once.ts <path> <bytes>...: writes the path with each number of bytes, and tells after each what came of it. */
import { readdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { writeFileAtomic } from "../../../src/files/index.ts";
import { FileError } from "../../../src/util/index.ts";

const [path = "", ...sizes] = process.argv.slice(2);
for (const size of sizes) {
  let failed = {};
  try {
    await writeFileAtomic(path, new Uint8Array(Number(size)));
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    failed = { name: error.name, code: error.code, message: error.message };
  }
  const { size: length } = await stat(path);
  console.log(JSON.stringify({ ...failed, length, names: await readdir(dirname(path)) }));
}
