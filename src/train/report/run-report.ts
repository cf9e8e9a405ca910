/** The report of a run: how it went, its curves, mistakes, speed, advice, and all that is needed to do it again. */
import { formatBytes } from "../../engine/runtime/index.ts";
import { formatRate, formatScores, formatSeconds } from "../format.ts";
import { best, secondsOf, statusOf } from "../track/run-facts.ts";
import type { RecordedEpoch, RecordedFinding, RunRecord } from "../track/run-record.ts";
import { type Chart, chartSvg } from "./chart.ts";
import { classReport } from "./class-report.ts";
import { escapeText } from "./escape.ts";
import { charts, details, facts, heading, lead, note, page, sides, table } from "./page.ts";
import { profileReport } from "./profile-report.ts";
import { hyperparameterCharts, scoreCharts, spaced, speedCharts, telemetryCharts } from "./run-charts.ts";
import { samplesReport } from "./samples-report.ts";

/**
 * One HTML file that needs nothing else, of what `readRun` read.
 * @example await writeFile("report.html", runReport(await readRun("runs/first")));
 */
export function runReport(run: RunRecord): string {
  const device = run.environment?.device ?? String(run.config?.device ?? "");
  const subtitle = [run.config?.started.slice(0, 16).replace("T", " "), device].filter(Boolean).join(", on ");
  return page({ title: run.name, subtitle }, [
    lead(summary(run)),
    ...advice(run.findings),
    ...section("Scores", scoreCharts(run)),
    ...epochs(run.history),
    ...section("Hyper-parameters", hyperparameterCharts(run)),
    ...section("Layers", telemetryCharts(run)),
    ...(run.evaluation === null ? [] : classReport(run.evaluation)),
    ...samplesReport(run.samples),
    ...section("Time", speedCharts(run)),
    ...timing(run),
    ...(run.profile === null ? [] : profileReport(run.profile)),
    ...circumstances(run),
    ...(run.plan === null
      ? []
      : [heading("Plan"), details("The compiled training step in words", preformatted(run.plan))]),
    ...(run.problems.length === 0
      ? []
      : [heading("What could not be read"), ...run.problems.map((problem) => note(`${problem}.`))]),
  ]);
}

function summary(run: RunRecord): string[] {
  const last = run.history.at(-1);
  const top = best(run.history);
  const { status, reason } = statusOf(run);
  const state = `${status.charAt(0).toUpperCase()}${status.slice(1)}`;
  const lines = [`${state}${reason === null ? "" : `: ${reason}`}, after ${run.history.length} epochs.`];
  if (last?.validation) lines.push(`Validation at the end: ${formatScores(last.validation)}.`);
  else if (last) lines.push(`Training at the end: ${formatScores(last.train)}.`);
  if (top !== null && top !== last && top.validation)
    lines.push(`The least validation loss was in epoch ${top.epoch}: ${formatScores(top.validation)}.`);
  return lines;
}

const severities = { severe: "Severe", warning: "Warning", info: "Worth knowing" } as const;

function advice(findings: readonly RecordedFinding[]): string[] {
  if (findings.length === 0) return [];
  const items = findings.map(({ severity, text, evidence, remedies }) => {
    const cures = remedies.map(remedyText).join("; ");
    const lines = [cures === "" ? "" : `Try: ${cures}.`, evidenceText(evidence)].filter(Boolean);
    const notes = lines.map((line) => `<br><span class="note">${escapeText(line)}</span>`).join("");
    return `<li class="${severity}"><strong>${severities[severity]}</strong> ${escapeText(text)}${notes}</li>`;
  });
  return [heading("Advice"), `<ul class="advice">${items.join("\n")}</ul>`];
}

/** As in "Measured: update ratio 0.31, loss 2.3.". */
function evidenceText(evidence: RecordedFinding["evidence"]): string {
  const measured = Object.entries(evidence).flatMap(([name, value]) => {
    if (value === null || value === "") return [];
    const shown = typeof value === "number" ? String(Number(value.toPrecision(3))) : value;
    return [`${spaced(name)} ${shown}`];
  });
  return measured.length === 0 ? "" : `Measured: ${measured.join(", ")}.`;
}

/** Its own words where it has some, else its kind with its numbers. */
function remedyText({ kind, ...settings }: RecordedFinding["remedies"][number]): string {
  if (typeof settings.text === "string") return settings.text.replace(/\.$/, "");
  const values = Object.entries(settings).map(([name, value]) => `${name} ${String(value)}`);
  return [kind.replaceAll("-", " "), ...values].join(", ");
}

function section(title: string, drawn: readonly Chart[]): string[] {
  if (drawn.length === 0) return [];
  return [
    heading(title),
    charts(drawn.map((chart) => `<figure>${chartSvg(chart)}${numbers(chart)}</figure>`)),
  ];
}

const mostRows = 60;

/** The chart as a table, for those who cannot see it. */
function numbers({ title, x, series }: Chart): string {
  const rows = series.flatMap(({ name, points }) => {
    const every = Math.ceil(points.length / mostRows);
    return points
      .filter((_, at) => at % every === 0 || at === points.length - 1)
      .map(([at, value]) => [name, String(Math.round(at)), String(Number(value.toPrecision(5)))]);
  });
  return details(`${title} as a table`, table(["series", x.label, "value"], rows));
}

function epochs(history: readonly RecordedEpoch[]): string[] {
  const names = Object.keys(history[0]?.train ?? {});
  if (names.length === 0) return [];
  const every = Math.ceil(history.length / mostRows);
  const shown = history.filter((_, at) => at % every === 0 || at === history.length - 1);
  const cell = (value: number | undefined) =>
    value === undefined ? "-" : String(Number(value.toPrecision(5)));
  const head = names.flatMap((name) => [`training ${name}`, `validation ${name}`]);
  const rows = shown.map(({ epoch, train, validation }) => [
    String(epoch),
    ...names.flatMap((name) => [cell(train[name]), cell(validation?.[name])]),
  ]);
  return [details("All scores by epoch", table(["epoch", ...head], rows))];
}

function timing(run: RunRecord): string[] {
  const { steps, summary } = run;
  const seconds = secondsOf(run);
  if (seconds === null) return [];
  const weights = steps.map(({ seconds }, at) => seconds - (steps[at - 1]?.seconds ?? 0));
  const total = weights.reduce((sum, value) => sum + value, 0);
  const waiting = steps.reduce((sum, { waiting }, at) => sum + waiting * (weights[at] ?? 0), 0);
  const rate = summary === null ? "" : `, ${formatRate(summary.samplesPerSecond)} while training`;
  const waited =
    total > 0 ? `; ${((100 * waiting) / total).toFixed(1)}% of the time in waiting for data` : "";
  return [note(`${formatSeconds(seconds)} in all${rate}${waited}.`)];
}

/** Settings and environment beside each other; the long list of packages opens when it is asked for. */
function circumstances({ config, environment }: RunRecord): string[] {
  const { dependencies, ...rest }: Readonly<Record<string, unknown>> = environment ?? {};
  const packages = typeof dependencies === "object" && dependencies !== null ? flattened(dependencies) : [];
  const parts = [
    config === null ? "" : heading("Settings") + facts(flattened(config)),
    environment === null ? "" : heading("Environment") + facts(flattened(rest)),
    packages.length === 0 ? "" : details("Versions of packages", facts(packages)),
  ];
  return [sides([parts[0] ?? "", `${parts[1]}${parts[2]}`])];
}

/** Leaves by path. */
function flattened(object: object, before = ""): [string, string][] {
  return Object.entries(object).flatMap(([name, value]: [string, unknown]): [string, string][] => {
    if (typeof value === "object" && value !== null) return flattened(value, `${before}${spaced(name)} `);
    const text = name === "memory" && typeof value === "number" ? formatBytes(value) : String(value);
    return [[`${before}${spaced(name)}`, value === null ? "-" : text]];
  });
}

const preformatted = (text: string): string => `<pre>${escapeText(text)}</pre>`;
