/**
 * npx tsx bench/threads.ts [--dry] [results folder]
 * From the results that are there: what a second thread brings nabla in each benchmark; put into docs/performance.md.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Bench, Suite } from "./job.ts";
import type { MlpJob } from "./mlp.ts";
import { publishText, type Report } from "./report.ts";
import { formatRate } from "./stats.ts";
import { circumstances, formatRatio, markdownTable, medianAt } from "./summary.ts";

const folder = new URL("benches/", import.meta.url);
const suites = await Promise.all(
  readdirSync(folder)
    .sort()
    .map(async (file) => ((await import(new URL(file, folder).href)) as { suite: Suite }).suite),
);

const secondsIn: Readonly<Record<string, number>> = { ms: 1e-3, µs: 1e-6 };

/** The seconds that one step, call or product takes; undefined for what is none (memory, start-up). */
function secondsOf(bench: Bench, value: number): number | undefined {
  if (bench.measure !== undefined) return undefined;
  if (bench.lowerIsBetter) return value * (secondsIn[bench.unit] ?? Number.NaN);
  const job = bench.job as Partial<MlpJob>;
  if (bench.unit === "samples/s") return (job.batch ?? Number.NaN) / value;
  if (bench.unit === "epochs/s") return (job.batch ?? Number.NaN) / (job.rows ?? Number.NaN) / value;
  return bench.perUnit / value;
}

const named = process.argv.slice(2).find((arg) => arg !== "--dry");
const results =
  named === undefined ? new URL("results/", import.meta.url) : pathToFileURL(`${resolve(named)}/`);
const rows: string[][] = [];
const reports: Report[] = [];
const missed: string[] = [];
for (const bench of suites.flatMap((suite) => suite.benches())) {
  const file = new URL(`${bench.name}.json`, results);
  if (bench.name.startsWith("contention") || !existsSync(file)) continue;
  const report = JSON.parse(readFileSync(file, "utf8")) as Report;
  const [one, two] = [1, 2].map((threads) => medianAt(report, "nabla", threads));
  if (one === undefined || two === undefined) continue;
  const [alone, both] = [one, two].map((value) => secondsOf(bench, value));
  if (alone === undefined || both === undefined) continue;
  const times = alone / both;
  const least = alone > 100e-6 ? 1 : 0.95;
  if (times < least) missed.push(bench.name);
  rows.push([bench.name, formatRate(alone * 1e6), formatRatio(times), times < least ? "no" : "yes"]);
  reports.push(report);
}

const text = [
  "**Two threads against one**",
  markdownTable(["", "a step on one thread, µs", "two threads are", "as fast as wanted"], rows),
  `Wanted: faster where a step takes over 100 µs, and nowhere under 0.95x. ${missed.length === 0 ? "All are." : `Not: ${missed.join(", ")}.`}`,
  circumstances(reports),
].join("\n\n");
process.stdout.write(`${text}\n`);
if (!process.argv.includes("--dry")) await publishText("threads", text);
