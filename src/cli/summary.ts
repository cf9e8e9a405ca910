/** What a run reached: the object of `--json` and summary.json, and the table for people. */
import Table from "cli-table3";
import {
  type EpochRecord,
  type FitResult,
  formatRate,
  formatScore,
  formatSeconds,
  type Scores,
} from "../train/index.ts";

export interface RunSummary {
  readonly run: string;
  readonly device: string;
  readonly seconds: number;
  readonly samplesPerSecond: number;
  readonly epochs: number;
  readonly parameters: number;
  readonly train: Scores | null;
  readonly validation: Scores | null;
}

export function summarise(run: string, result: FitResult): RunSummary {
  return {
    run,
    device: result.plan.device,
    seconds: Number(result.seconds.toFixed(3)),
    samplesPerSecond: Math.round(result.samplesPerSecond),
    epochs: result.history.length,
    parameters: result.plan.parameters,
    train: result.record?.train ?? null,
    validation: result.record?.validation ?? null,
  };
}

const most = 12;

/** At most 12 epochs, evenly picked, the last and the best among them. */
function pick(history: readonly EpochRecord[], kept: EpochRecord | null): EpochRecord[] {
  if (history.length <= most) return [...history];
  const wanted = new Set(
    Array.from({ length: most - 1 }, (_, i) => Math.round((i * (history.length - 1)) / (most - 2))),
  );
  return history.filter((record, index) => wanted.has(index) || record === kept);
}

/** A row per epoch: what training and validation measured. The epoch whose parameters were kept is marked if not the last. */
export function scoreTable(result: FitResult): string {
  const first = result.history[0];
  if (!first) return "";
  const names = Object.keys(first.train);
  const columns = (part: string, scores: Scores | null) =>
    scores ? names.map((name) => `${part} ${name}`) : [];
  const table = new Table({
    head: ["epoch", ...columns("train", first.train), ...columns("validation", first.validation)],
    style: { head: [], border: [], compact: true },
    colAligns: ["right", ...names.flatMap(() => ["right", "right"] as const)],
  });
  for (const record of pick(result.history, result.record)) {
    const kept = record === result.record && record !== result.history.at(-1) ? " (kept)" : "";
    const cells = (scores: Scores | null) =>
      scores ? names.map((name) => formatScore(scores[name] as number)) : [];
    table.push([`${record.epoch}${kept}`, ...cells(record.train), ...cells(record.validation)]);
  }
  return table.toString();
}

/** 4.1 s, 81,234 samples/s, on cpu (avx512, 2 threads). */
export const speedLine = (result: FitResult): string =>
  `${formatSeconds(result.seconds)}, ${formatRate(result.samplesPerSecond)}, on ${result.plan.device}`;
