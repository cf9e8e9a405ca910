/** Reading a CSV file as a table, against csv-parse alone, which makes rows of strings of it. */
import { nabla, plain } from "../contestants.ts";
import type { Bench, Suite } from "../job.ts";
import { uniforms, writeArray } from "../weights.ts";

const rows = 300_000;

/** Numbers, categories, days, text in quotes, and cells that are missing: about 18 MB. */
function file(): { readonly path: string; readonly megabytes: number } {
  const next = uniforms(3);
  const lines = ["id,price,town,sold,note,rooms"];
  for (let i = 0; i < rows; i++) {
    const day = String(1 + Math.floor(28 * next())).padStart(2, "0");
    const town = ["Bern", "Oslo", "Rome", "Wien"][Math.floor(4 * next())];
    const rooms = next() < 0.05 ? "" : Math.floor(9 * next());
    lines.push(
      `${i},${(1000 * next()).toFixed(2)},${town},2026-01-${day},"note ${Math.floor(1e6 * next())}, as it is",${rooms}`,
    );
  }
  const bytes = new TextEncoder().encode(`${lines.join("\n")}\n`);
  return { path: writeArray("houses.csv", bytes).path, megabytes: bytes.length / 1e6 };
}

function reading(): Bench {
  const { path, megabytes } = file();
  return {
    name: "csv",
    title: `A CSV file of ${rows.toLocaleString("en")} rows of six columns, ${megabytes.toFixed(0)} MB`,
    unit: "MB/s",
    perUnit: megabytes,
    job: { path, rows },
    contestants: () => [
      ...nabla("csv", { threads: [1] }).map(plain),
      ...nabla("csv", { name: "csv-parse alone, rows of strings", args: ["--alone"], threads: [1] }).map(
        (spec) => ({
          ...plain(spec),
          args: [...plain(spec).args, "--alone"],
        }),
      ),
    ],
  };
}

export const suite: Suite = { name: "csv", benches: () => [reading()] };
