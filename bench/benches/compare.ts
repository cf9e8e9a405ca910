/**
 * Choosing how to train: races under a quarter of the time against grids in which every setting is trained to the end, with one seed and
 * with three. All are `nabla compare` with the same processes; the choices are judged by new runs to the end, each at its best epoch, on
 * images that none has seen.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CompareResult, Setting } from "nabla/train";
import { welch } from "../../src/train/compare/welch.ts";
import type { OwnMeasurement, Suite } from "../job.ts";
import { mean } from "../stats.ts";
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

/** Every setting to the end with each of the seeds: the least mean loss, and the seconds of all. */
function grid(count: number): { chosen: Setting; seconds: number } {
  let seconds = 0;
  const losses = new Map<string, { setting: Setting; losses: number[] }>();
  for (let seed = 0; seed < count; seed++) {
    // One round as far as the experiment goes; what follows it (two finalists, once each) is none of the grid's time.
    const all = compare("--steps", 1e9, "--seeds", 1, "--seed", 10 * seed);
    const [round] = all.result.rounds;
    if (round === undefined) throw new Error("The grid came to nothing.");
    seconds += all.seconds - (all.result.seconds - round.seconds);
    for (const trial of all.result.trials) {
      const { optimizer, learningRate, batchSize } = trial;
      const setting = { optimizer, learningRate, batchSize };
      const known = losses.get(JSON.stringify(setting)) ?? { setting, losses: [] };
      known.losses.push(trial.loss ?? Number.POSITIVE_INFINITY);
      losses.set(JSON.stringify(setting), known);
    }
  }
  const [best] = [...losses.values()].sort((x, y) => mean(x.losses) - mean(y.losses));
  if (best === undefined) throw new Error("The grid came to nothing.");
  return { chosen: best.setting, seconds };
}

function measure({ log, keep, circumstances }: OwnMeasurement): string {
  const settings = optimizers.length * rates.length * batchSizes.length;
  const rows: string[][] = [];
  const sentences: string[] = [];
  const kept: object[] = [];
  for (const count of [1, 3]) {
    const name = count === 1 ? "one seed" : `${count} seeds`;
    log(`grid with ${name}: ${settings} settings to the end of ${epochs} epochs`);
    const { chosen, seconds } = grid(count);
    const budget = Math.round(share * seconds);
    log(`grid: ${seconds.toFixed(0)} s; race: a budget of ${budget} s`);
    const report = here("results/compare.html");
    const race = compare("--budget", `${budget}s`, ...(keep ? ["--out", report] : []));
    const { winner } = race.result;
    if (winner === null) throw new Error("The race came to nothing.");
    log(`judging both choices with ${seeds.length} new seeds`);
    const [byGrid, byRace] = [judge(chosen), judge(winner)];
    const p = welch(byRace.losses, byGrid.losses);
    const better = mean(byRace.losses) <= mean(byGrid.losses);
    const how = better ? "at least as good as" : "worse than";
    const odds = p === null ? "" : `, p = ${p.toPrecision(2)}`;
    sentences.push(
      `Against the grid with ${name} the race's choice is ${how} the grid's (a test loss of ${(mean(byRace.losses) / mean(byGrid.losses)).toFixed(2)} times${odds}), in ${(race.seconds / seconds).toFixed(2)} of its time.`,
    );
    rows.push(
      row(`grid, all to the end, ${name}`, seconds, chosen, byGrid),
      row(`\`nabla compare --budget ${budget}s\``, race.seconds, winner, byRace),
    );
    kept.push({
      count,
      budget,
      gridSeconds: seconds,
      raceSeconds: race.seconds,
      chosen,
      winner,
      byGrid,
      byRace,
      p,
    });
  }
  if (keep) {
    writeFileSync(here("results/compare.json"), `${JSON.stringify({ epochs, seeds, kept }, undefined, 2)}\n`);
  }
  return [
    `**Choosing among ${optimizers.length} optimizers x ${rates.length} learning rates x ${batchSizes.length} batch sizes, ${epochs} epochs of MNIST at most**`,
    "",
    markdownTable(["", "time", "choice", "test loss of 3 new runs", "accuracy"], rows),
    "",
    `${sentences.join(" ")} The last race's report: [compare.html](../bench/results/compare.html).`,
    "",
    circumstances,
  ].join("\n");
}

const row = (name: string, seconds: number, setting: Setting, { losses, accuracies }: Judged): string[] => [
  name,
  `${seconds.toFixed(0)} s`,
  `${setting.optimizer} at ${setting.learningRate}, batch ${setting.batchSize}`,
  `${mean(losses).toFixed(4)} (${Math.min(...losses).toFixed(4)} to ${Math.max(...losses).toFixed(4)})`,
  `${(100 * mean(accuracies)).toFixed(2)} %`,
];

export const suite: Suite = { name: "compare", benches: () => [], own: measure };
