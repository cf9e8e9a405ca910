/** Writes what was measured: a JSON file for each benchmark, and its table in docs/performance.md. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { ensureFolder, writeFileAtomic } from "nabla/io";
import { type Ceilings, formatCeilings } from "./ceilings.ts";
import { floorOf } from "./floor.ts";
import { describeAbsent, type Outcome, type Result } from "./harness.ts";
import type { Bench } from "./job.ts";
import { noise, type Quiet } from "./quiet.ts";
import { formatRate, spreadPercent } from "./stats.ts";

const root = new URL("../", import.meta.url);

export interface Report extends Outcome {
  readonly bench: string;
  readonly title: string;
  readonly unit: string;
  readonly lowerIsBetter: boolean;
  readonly date: string;
  readonly machine: string;
  readonly quiet: Quiet;
  /** Why the figures are not to be trusted; absent on a quiet machine. */
  readonly noise?: string;
  readonly ceilings: Ceilings;
  /** The best number possible at the thread count of nabla's best. */
  readonly floor?: { readonly value: number; readonly threads: number; readonly note: string };
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

/** When, where, how quietly and with what. */
export function describeCircumstances(quiet: Quiet): string {
  const [first] = cpus();
  const busy = noise(quiet);
  const parts = [
    new Date().toISOString().slice(0, 10),
    `${first?.model.trim() ?? "unknown processor"}, ${cpus().length} cores`,
    `nabla ${commit()}, node ${process.version}`,
    ...(busy === undefined ? [] : [`**measured on a busy machine: ${busy}**`]),
  ];
  return `${parts.join("; ")}.`;
}

export interface Circumstances {
  /** Before the start. */
  readonly quiet: Quiet;
  readonly ceilings: Ceilings;
}

export function makeReport(bench: Bench, outcome: Outcome, { quiet, ceilings }: Circumstances): Report {
  const [first] = cpus();
  const watched = { ...quiet, others: [...quiet.others, ...outcome.others] };
  const lowerIsBetter = bench.lowerIsBetter ?? false;
  const own = bestOfEach(outcome.results, lowerIsBetter).find(({ peer }) => peer === "nabla");
  const threads = own?.threads ?? 1;
  const value = floorOf(bench, ceilings, threads);
  return {
    bench: bench.name,
    title: bench.title,
    unit: bench.unit,
    lowerIsBetter,
    date: new Date().toISOString().slice(0, 10),
    machine: `${first?.model.trim() ?? "unknown processor"}, ${cpus().length} cores`,
    quiet: watched,
    noise: noise(watched),
    ceilings,
    floor: value === undefined ? undefined : { value, threads, note: bench.floor?.note ?? "" },
    ...outcome,
    versions: { nabla: commit(), node: process.version, ...outcome.versions },
  };
}

/** Each contestant at its best thread count and variant, the best first. */
export function bestOfEach(results: readonly Result[], lowerIsBetter: boolean): Result[] {
  const sign = lowerIsBetter ? -1 : 1;
  const order = (a: Result, b: Result): number => sign * (b.measured.median - a.measured.median);
  const best = new Map<string, Result>();
  for (const result of results) {
    const rival = best.get(result.peer);
    if (rival === undefined || order(result, rival) < 0) best.set(result.peer, result);
  }
  return [...best.values()].sort(order);
}

/** How many times better `own` is than `other`. */
export const ratio = (own: Result, other: Result, lowerIsBetter: boolean): number =>
  lowerIsBetter ? other.measured.median / own.measured.median : own.measured.median / other.measured.median;

/** nabla's share of the floor's rate, in per cent. */
function floorPercent(value: number, floor: number, lowerIsBetter: boolean): string {
  const percent = 100 * (lowerIsBetter ? floor / value : value / floor);
  return percent < 10 ? percent.toPrecision(2) : String(Math.round(percent));
}

function formatNotes(report: Report): string[] {
  const { floor, results, lowerIsBetter, unit } = report;
  const notes: string[] = [];
  const own = results.filter(({ peer }) => peer === "nabla");
  if (own.length > 1) {
    const each = own.map(({ threads, measured }) => `${threads}: ${formatRate(measured.median)}`);
    notes.push(`nabla by threads: ${each.join(", ")}.`);
  }
  const best = bestOfEach(own, lowerIsBetter)[0];
  if (floor !== undefined && best !== undefined) {
    const percent = floorPercent(best.measured.median, floor.value, lowerIsBetter);
    notes.push(
      `Floor: ${formatRate(floor.value)} ${unit} at ${floor.threads} thread${floor.threads > 1 ? "s" : ""} (${floor.note}); nabla is at ${percent} % of it.`,
    );
  }
  for (const text of new Set(
    results.map(({ peer, otherMaths }) => otherMaths && `${peer}: ${otherMaths}.`),
  )) {
    if (text) notes.push(`Other maths, losses not compared: ${text}`);
  }
  for (const line of describeAbsent(report.absent)) notes.push(`Absent: ${line}.`);
  if (report.noise !== undefined) notes.push(`**Measured on a busy machine: ${report.noise}.**`);
  return notes;
}

export function formatTable(report: Report): string {
  const best = bestOfEach(report.results, report.lowerIsBetter);
  const own = best.find((result) => result.peer === "nabla");
  const rows = best.map((result) => {
    const { peer, threads, variant, measured } = result;
    const times = own === undefined ? "" : `${formatRate(ratio(own, result, report.lowerIsBetter))}x`;
    const how = variant === undefined ? String(threads) : `${threads}, ${variant}`;
    const spread = `±${Math.round(spreadPercent(measured))} %`;
    return `| ${peer} | ${how} | ${formatRate(measured.median)} | ${spread} | ${times} |`;
  });
  const versions = Object.entries(report.versions).map(([name, version]) => `${name} ${version}`);
  const { load, others } = report.quiet;
  const taken = others.length === 0 ? "" : `, others took up to ${Math.round(100 * Math.max(...others))} %`;
  const circumstances = [
    report.date,
    report.machine,
    `load ${load.toFixed(1)} before${taken}`,
    versions.join(", "),
  ];
  return [
    `**${report.title}**`,
    "",
    `| | threads | ${report.unit} | spread | nabla is |`,
    "|---|---|---|---|---|",
    ...rows,
    "",
    ...formatNotes(report).flatMap((note) => [note, ""]),
    `${circumstances.join("; ")}. ${formatCeilings(report.ceilings)}.`,
  ].join("\n");
}

/** `text` with what lies between the markers of `name` replaced by `body`. */
export function replaceSection(text: string, name: string, body: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [before, rest] = text.split(open);
  const after = rest?.split(close)[1];
  if (before === undefined || after === undefined) {
    throw new Error(`docs/performance.md: must hold ${open} and ${close} around the table.`);
  }
  return `${before}${open}\n${body}\n${close}${after}`;
}

/** Throws unless docs/performance.md has a place for each name: better before an hour of measuring than after it. */
export function requireSections(names: readonly string[]): void {
  const text = readFileSync(new URL("docs/performance.md", root), "utf8");
  for (const name of names) replaceSection(text, name, "");
}

/** Puts a benchmark's text between its markers in docs/performance.md. */
export async function publishText(name: string, body: string): Promise<void> {
  const page = fileURLToPath(new URL("docs/performance.md", root));
  await writeFileAtomic(page, replaceSection(readFileSync(page, "utf8"), name, body));
}

/** Keeps bench/results/<bench>.json. */
export async function keep(report: Report): Promise<void> {
  const folder = fileURLToPath(new URL("bench/results/", root));
  await ensureFolder(folder);
  await writeFileAtomic(`${folder}${report.bench}.json`, `${JSON.stringify(report, undefined, 2)}\n`);
}
