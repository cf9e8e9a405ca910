/** What nabla compare says: the table of trials, the finalists with their evidence, the verdict. */
import Table from "cli-table3";
import {
  type CompareResult,
  type Finalist,
  formatScore,
  formatSeconds,
  type Setting,
  type Trial,
  verdictOf,
} from "../train/index.ts";
import { plotCurve } from "./curve.ts";
import { shortPath } from "./load.ts";
import { shellWord } from "./options.ts";

const most = 12;

export function trialTable(trials: readonly Trial[]): string {
  const table = new Table({
    head: ["optimizer", "rate", "batch", "loss", "steps", "time", "state"],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", "right", "right", "right", "right", "right", "right"],
  });
  for (const trial of trials.slice(0, most)) {
    const { optimizer, learningRate, batchSize, loss, steps, seconds, stateBytes, diverged, error } = trial;
    table.push([
      optimizer,
      learningRate.toPrecision(2),
      batchSize,
      error !== null ? "failed" : diverged ? "diverged" : steps === 0 ? "-" : formatScore(loss),
      steps,
      formatSeconds(seconds),
      `${Math.round(stateBytes / 1000)} kB`,
    ]);
  }
  const more = trials.length > most ? [`and ${trials.length - most} more`] : [];
  const failures = trials.flatMap((trial) =>
    trial.error === null ? [] : [`failed: ${named(trial)}: ${trial.error}`],
  );
  return [table.toString(), ...more, ...failures].join("\n");
}

export function finalistTable({ finalists, target }: CompareResult): string {
  if (finalists.length === 0) return "";
  const table = new Table({
    head: ["finalist", "loss", "seeds", `steps to ${formatScore(target ?? 0)}`, "time to it", "state"],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", "right", "right", "right", "right", "right"],
  });
  for (const finalist of finalists) {
    const { mean, deviation, losses, reached, stateBytesPerParameter } = finalist;
    table.push([
      named(finalist),
      `${formatScore(mean)} ± ${formatScore(deviation)}`,
      losses.length,
      reached.steps === null ? "not reached" : Math.round(reached.steps),
      reached.seconds === null ? "not reached" : formatSeconds(reached.seconds),
      `${stateBytesPerParameter.toFixed(1)} B/parameter`,
    ]);
  }
  return table.toString();
}

/** The mean loss of the best over its steps. */
export function winnerCurve({ finalists }: CompareResult): string {
  const [first] = finalists;
  if (first === undefined) return "";
  const points = first.curves[0] ?? [];
  const means = points.map(
    (_, i) =>
      first.curves.reduce((sum, curve) => sum + (curve[i]?.loss ?? Number.NaN), 0) / first.curves.length,
  );
  return means.every(Number.isFinite)
    ? plotCurve(`loss of ${named(first)}, over ${first.steps} steps`, means)
    : "";
}

export const named = ({ optimizer, learningRate, batchSize }: Setting): string =>
  `${optimizer} at ${learningRate.toPrecision(2)}, batch ${batchSize}`;

const spread = ({ mean, deviation, losses }: Finalist): string =>
  `${formatScore(mean)} ± ${formatScore(deviation)} over ${losses.length} seeds`;

export function verdict(result: CompareResult, file: string): string {
  const { finalists, winner } = result;
  if (winner === null) return "interrupted before anything was measured";
  const [first, second] = finalists;
  const go = `try: nabla train ${shellWord(shortPath(file))} --optimizer ${winner.optimizer} --lr ${winner.learningRate} --batch-size ${winner.batchSize}`;
  if (first === undefined) return `interrupted; the best so far is ${named(winner)}\n${go}`;
  const lines = [`best: ${named(first)}: ${spread(first)}`];
  if (second !== undefined) lines.push(`next: ${named(second)}: ${spread(second)}`, verdictOf(result));
  return [...lines, go].join("\n");
}
