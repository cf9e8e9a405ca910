/** Writes what was measured: a JSON file for each benchmark, and its table in docs/performance.md. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import type { Outcome, Result } from "./harness.ts";
import type { Bench } from "./job.ts";
import { formatRate, spreadPercent } from "./stats.ts";

const root = new URL("../", import.meta.url);

export interface Report extends Outcome {
  readonly bench: string;
  readonly title: string;
  readonly unit: string;
  readonly date: string;
  readonly machine: string;
  /** One-minute load averages before and after: above the cores in use, others were running too. */
  readonly load: readonly [before: number, after: number];
}

function commit(): string {
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: fileURLToPath(root), encoding: "utf8" }).trim();
  try {
    return git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain", "src", "native") ? "+" : "");
  } catch {
    return "unknown";
  }
}

export function makeReport(bench: Bench, outcome: Outcome, loadBefore: number): Report {
  const [first] = cpus();
  return {
    bench: bench.name,
    title: bench.title,
    unit: bench.unit,
    date: new Date().toISOString().slice(0, 10),
    machine: `${first?.model.trim() ?? "unknown processor"}, ${cpus().length} cores`,
    load: [loadBefore, loadavg()[0] ?? 0],
    ...outcome,
    versions: { nabla: commit(), node: process.version, ...outcome.versions },
  };
}

/** Each contestant at its best thread count, fastest first. */
export function bestOfEach(results: readonly Result[]): Result[] {
  const best = new Map<string, Result>();
  for (const result of results) {
    const rival = best.get(result.peer);
    if (rival === undefined || result.rate.median > rival.rate.median) best.set(result.peer, result);
  }
  return [...best.values()].sort((a, b) => b.rate.median - a.rate.median);
}

export function formatTable(report: Report): string {
  const best = bestOfEach(report.results);
  const own = best.find((result) => result.peer === "nabla");
  const rows = best.map((result) => {
    const ratio = own === undefined ? "" : `${formatRate(own.rate.median / result.rate.median)}x`;
    const spread = `${Math.round(spreadPercent(result.rate))} %`;
    return `| ${result.peer} | ${result.threads} | ${formatRate(result.rate.median)} | ±${spread} | ${ratio} |`;
  });
  const versions = Object.entries(report.versions).map(([name, version]) => `${name} ${version}`);
  return [
    `**${report.title}**`,
    "",
    `| | threads | ${report.unit} | spread | nabla is |`,
    "|---|---|---|---|---|",
    ...rows,
    "",
    `${report.date}; ${report.machine}; load ${report.load.map((load) => load.toFixed(1)).join(" to ")}; ${versions.join(", ")}.`,
  ].join("\n");
}

/** Keeps bench/results/<bench>.json and the text between the benchmark's markers in docs/performance.md. */
export function publish(report: Report): void {
  mkdirSync(new URL("bench/results/", root), { recursive: true });
  writeFileSync(
    new URL(`bench/results/${report.bench}.json`, root),
    `${JSON.stringify(report, undefined, 2)}\n`,
  );
  const page = new URL("docs/performance.md", root);
  const [open, close] = [`<!-- ${report.bench} -->`, `<!-- /${report.bench} -->`];
  const text = readFileSync(page, "utf8");
  const [before, rest] = text.split(open);
  const after = rest?.split(close)[1];
  if (before === undefined || after === undefined) {
    throw new Error(`docs/performance.md: must hold ${open} and ${close} around the table.`);
  }
  writeFileSync(page, `${before}${open}\n${formatTable(report)}\n${close}${after}`);
}
