/**
 * Choosing how to train: a race under a quarter of the time against a grid in which every setting is trained to the end. Both are
 * `nabla compare` with the same processes; both choices are judged by new runs to the end, on images that neither has seen.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CompareResult, Setting } from "nabla/train";
import { welch } from "../../src/train/compare/welch.ts";
import type { OwnMeasurement, Suite } from "../job.ts";
import { markdownTable } from "../summary.ts";

const here = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const cli = here("../dist/cli/main.js");
const experiment = here("compare-experiment.ts");

const optimizers = ["momentum", "adam", "adamw", "rmsprop", "lion"];
const rates = [1e-4, 1e-3, 3e-3, 1e-2, 0.1];
const batchSizes = [32, 128];
const seeds = [11, 12, 13];
/** No more: the network fits these images within ten, and what it then does to the loss is overfit. */
const epochs = Number(process.env.NABLA_BENCH_EPOCHS ?? 10);
/** Of the grid's time; the rest up to a quarter is for starting and for a round that takes longer than its pace told. */
const share = 0.22;

function nabla<T>(...args: readonly (string | number)[]): T {
  const output = execFileSync(process.execPath, [cli, ...args.map(String), "--json", "--quiet"], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  return JSON.parse(output.trim().split("\n").at(-1) ?? "") as T;
}

/** The race with the options given, and the seconds of the whole command. */
function compare(...options: readonly (string | number)[]): { result: CompareResult; seconds: number } {
  const began = performance.now();
  const result = nabla<CompareResult>(
    ...["compare", experiment, "--optimizers", optimizers.join(","), "--rates", rates.join(",")],
    ...["--batch-sizes", batchSizes.join(","), "--epochs", epochs, ...options],
  );
  return { result, seconds: (performance.now() - began) / 1000 };
}

interface Judged {
  readonly losses: readonly number[];
  readonly accuracies: readonly number[];
}

/** Trained to the end with seeds that took no part, measured on the test images. */
function judge({ optimizer, learningRate, batchSize }: Setting): Judged {
  const folder = mkdtempSync(join(tmpdir(), "nabla-bench-"));
  try {
    const scores = seeds.map((seed) => {
      const run = join(folder, String(seed));
      const how = ["--optimizer", optimizer, "--lr", learningRate, "--batch-size", batchSize];
      nabla("train", experiment, ...how, "--epochs", epochs, "--seed", seed, "--out", run);
      return nabla<{ test: { loss: number; accuracy: number } }>("evaluate", run).test;
    });
    return { losses: scores.map(({ loss }) => loss), accuracies: scores.map(({ accuracy }) => accuracy) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function measure({ log, keep, circumstances }: OwnMeasurement): string {
  log(
    `grid: ${optimizers.length * rates.length * batchSizes.length} settings to the end of ${epochs} epochs`,
  );
  // One round as far as the experiment goes; what follows it (two finalists, once each) is none of the grid's time.
  const all = compare("--steps", 1e9, "--seeds", 1);
  const [round] = all.result.rounds;
  const [chosen] = [...all.result.trials].sort((a, b) => (a.loss ?? Infinity) - (b.loss ?? Infinity));
  if (round === undefined || chosen === undefined) throw new Error("The grid came to nothing.");
  const gridSeconds = all.seconds - (all.result.seconds - round.seconds);
  const budget = Math.round(share * gridSeconds);
  log(`grid: ${gridSeconds.toFixed(0)} s; race: a budget of ${budget} s`);
  const report = here("results/compare.html");
  const race = compare("--budget", `${budget}s`, ...(keep ? ["--out", report] : []));
  const { winner } = race.result;
  if (winner === null) throw new Error("The race came to nothing.");
  log(`judging both choices with ${seeds.length} new seeds`);
  const [byGrid, byRace] = [judge(chosen), judge(winner)];
  const p = welch(byRace.losses, byGrid.losses) ?? 1;
  const better = mean(byRace.losses) <= mean(byGrid.losses);
  const sentence = better
    ? "The race's choice is at least as good as the grid's"
    : p > 0.05
      ? "The grid's choice is better by no more than the noise of the seeds"
      : "The race's choice is worse than the grid's";
  if (keep) {
    const kept = {
      epochs,
      budget,
      gridSeconds,
      raceSeconds: race.seconds,
      chosen,
      winner,
      byGrid,
      byRace,
      p,
    };
    writeFileSync(here("results/compare.json"), `${JSON.stringify({ ...kept, seeds }, undefined, 2)}\n`);
  }
  const row = (name: string, seconds: number, setting: Setting, { losses, accuracies }: Judged): string[] => [
    name,
    `${seconds.toFixed(0)} s`,
    `${setting.optimizer} at ${setting.learningRate}, batch ${setting.batchSize}`,
    `${mean(losses).toFixed(4)} (${Math.min(...losses).toFixed(4)} to ${Math.max(...losses).toFixed(4)})`,
    `${(100 * mean(accuracies)).toFixed(2)} %`,
  ];
  return [
    `**Choosing among ${optimizers.length} optimizers x ${rates.length} learning rates x ${batchSizes.length} batch sizes, ${epochs} epochs of MNIST at most**`,
    "",
    markdownTable(
      ["", "time", "choice", "test loss of 3 new runs", "accuracy"],
      [
        row("grid, all to the end", gridSeconds, chosen, byGrid),
        row(`\`nabla compare --budget ${budget}s\``, race.seconds, winner, byRace),
      ],
    ),
    "",
    `${sentence} (p = ${p.toPrecision(2)}), in ${(race.seconds / gridSeconds).toFixed(2)} of its time. The race's report: [compare.html](../bench/results/compare.html).`,
    "",
    circumstances,
  ].join("\n");
}

export const suite: Suite = { name: "compare", benches: () => [], own: measure };
