/** write-on.ts <path> [half]: replaces the path for ever by contents that tell whether they are whole; with `half` stops within one. */
import { writeFileAtomic } from "../../../src/files/index.ts";
import { contentOf } from "./whole.ts";

const [path = "", half] = process.argv.slice(2);
const forEver = new Promise(() => setInterval(() => undefined, 1000));

async function* twoHalves(content: Uint8Array): AsyncGenerator<Uint8Array> {
  const middle = content.length / 2;
  yield content.subarray(0, middle);
  process.stdout.write("half\n");
  await forEver;
  yield content.subarray(middle);
}

if (half !== undefined) await writeFileAtomic(path, twoHalves(contentOf(1)));
for (let turn = 1; ; turn++) {
  await writeFileAtomic(path, contentOf(turn));
  if (turn === 2) process.stdout.write("writing\n");
}
