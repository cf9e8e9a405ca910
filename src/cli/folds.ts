/** --folds: trains every fold and reports mean and deviation of each score. */
import Table from "cli-table3";
import { type FoldJob, formatScore, runFold, type Scores } from "../train/index.ts";
import { exitCodes } from "./exit.ts";
import { type CommonOptions, print, printJson } from "./options.ts";
import { interruptedBy, interruptible } from "./signals.ts";

/** Runs the folds one after the other and gives the exit code. */
export async function crossValidate(jobs: readonly FoldJob[], options: CommonOptions): Promise<number> {
  return interruptible(async (signal) => {
    const folds: Scores[] = [];
    for (const job of jobs) {
      const scores = await runFold(job, signal);
      if (signal.aborted) break; // of a training that was cut off
      folds.push(scores);
    }
    const done = folds.length === jobs.length;
    if (folds.length > 0) report(folds);
    if (done) return exitCodes.done;
    // Said even when quiet: the means are of fewer folds than were asked for.
    process.stderr.write(`interrupted after ${folds.length} of ${jobs.length} folds\n`);
    return interruptedBy(signal);
  }, "finishing the step and showing the folds that are done; once more to end at once");

  function report(folds: readonly Scores[]): void {
    const names = Object.keys(folds[0] ?? {});
    const of = (name: string) => folds.map((scores) => scores[name] as number);
    const mean = Object.fromEntries(names.map((name) => [name, meanOf(of(name))]));
    const deviation = Object.fromEntries(names.map((name) => [name, deviationOf(of(name))]));
    const table = new Table({
      head: ["fold", "rows", ...names],
      style: { head: [], border: [], compact: true },
      colAligns: ["left", "right", ...names.map(() => "right" as const)],
    });
    const row = (scores: Readonly<Record<string, number>>) =>
      names.map((name) => formatScore(scores[name] as number));
    folds.forEach((scores, i) => {
      table.push([`${i + 1}`, `${jobs[i]?.test.length}`, ...row(scores)]);
    });
    table.push(["mean", "", ...row(mean)], ["deviation", "", ...row(deviation)]);
    print(options, table.toString());
    printJson(options, { folds, mean, deviation });
  }
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** With n - 1: of folds as a sample. */
function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(
    values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1),
  );
}
