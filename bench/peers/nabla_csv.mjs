/** A CSV file as a table with types, by readCsv; with --alone as rows of strings, by csv-parse. */
import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { readCsv } from "../../dist/data/index.js";
import { job, serve } from "./serve.mjs";
import { timed } from "./values.mjs";

const { path } = job();
const alone = process.argv.includes("--alone");
const read = async () => (alone ? parse(readFileSync(path)).length - 1 : (await readCsv(path)).table.length);

await serve({
  check: async () => [await read()],
  run: (units) =>
    timed(async () => {
      for (let i = 0; i < units; i++) await read();
    }),
});
