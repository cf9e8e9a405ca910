/** nabla compare: races optimizers and learning rates on an experiment and says which wins, and by how much. */
import { SingleBar } from "cli-progress";
import Table from "cli-table3";
import { setDefaultDevice } from "../engine/runtime/index.ts";
import {
  type CompareResult,
  compare,
  experimentData,
  experimentModel,
  type Finalist,
  firstBatchSize,
  formatScore,
  formatSeconds,
  type Setting,
  type Trial,
} from "../train/index.ts";
import { ConfigError } from "../util/index.ts";
import { exitCodes } from "./exit.ts";
import { inFile, loadExperiment, shortPath } from "./load.ts";
import { learningRatesOf, optimizerByName, optimizerNames } from "./optimizers.ts";
import { type CommonOptions, print, printJson, shellWord, useDevice } from "./options.ts";
import { interruptible } from "./signals.ts";

export interface CompareCommandOptions extends CommonOptions {
  readonly optimizers?: string;
  readonly rates?: readonly number[];
  readonly batchSizes?: readonly number[];
  readonly budget?: number;
  readonly seeds?: number;
}

/** Those most people choose among. */
const usual = ["momentum", "nesterov", "rmsprop", "adam", "adamw", "lion"];

/** Runs the command and gives its exit code. */
export async function compareCommand(file: string, options: CompareCommandOptions): Promise<number> {
  useDevice(options);
  const names = namesOf(options.optimizers);
  const makers = Object.fromEntries(
    names.map((name) => [name, (rate: number) => optimizerByName(name, rate)]),
  );
  const rates = options.rates ?? Object.fromEntries(names.map((name) => [name, learningRatesOf(name)]));
  const experiment = await loadExperiment(file);
  if (options.device === undefined && experiment.device !== undefined) setDefaultDevice(experiment.device);
  const { budget = 60, seeds = 3 } = options;
  const bar = new SingleBar({
    format: "{bar} {percentage} % | round {round} | best {best} | {eta_formatted} left",
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: null,
  });
  let result: CompareResult;
  try {
    const { train, validation, test } = await experimentData(experiment);
    if (typeof experiment.model !== "function") {
      throw new ConfigError(
        "compare: model must be a function that makes one, so that each trial has its own.",
      );
    }
    if (!options.quiet) bar.start(budget, 0, { round: "1", best: "-" });
    const began = performance.now();
    let best = Number.POSITIVE_INFINITY;
    result = await interruptible((signal) =>
      compare(
        {
          model: () => experimentModel(experiment),
          loss: experiment.loss,
          train,
          validation: validation ?? test,
        },
        {
          optimizers: makers,
          learningRates: rates,
          batchSizes: options.batchSizes ?? [firstBatchSize(experiment.batchSize ?? 32)],
          budget,
          seeds,
          signal,
          onTrial(trial, round, rounds) {
            best = Math.min(best, trial.loss);
            const seconds = Math.min(budget, (performance.now() - began) / 1000);
            if (!options.quiet)
              bar.update(seconds, { round: `${round} of ${rounds}`, best: formatScore(best) });
          },
        },
      ),
    );
  } catch (error) {
    throw inFile(error, shortPath(file));
  } finally {
    bar.stop();
  }
  print(options, trialTable(result.trials));
  print(options, verdict(result, file));
  printJson(options, { experiment: shortPath(file), ...result });
  return result.finalists.length === 0 ? exitCodes.interrupted : exitCodes.done;
}

function namesOf(list: string | undefined): readonly string[] {
  if (list === undefined) return usual;
  if (list === "all") return optimizerNames;
  const names = list.split(",").map((name) => name.trim().toLowerCase());
  for (const name of names) optimizerByName(name); // a wrong name ends here
  return names;
}

const most = 12;

function trialTable(trials: readonly Trial[]): string {
  const table = new Table({
    head: ["optimizer", "rate", "batch", "loss", "steps", "time", "state"],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", "right", "right", "right", "right", "right", "right"],
  });
  for (const trial of trials.slice(0, most)) {
    const { optimizer, learningRate, batchSize, loss, steps, seconds, stateBytes, diverged } = trial;
    table.push([
      optimizer,
      learningRate.toPrecision(2),
      batchSize,
      diverged ? "diverged" : formatScore(loss),
      steps,
      formatSeconds(seconds),
      `${Math.round(stateBytes / 1000)} kB`,
    ]);
  }
  const more = trials.length > most ? `\nand ${trials.length - most} more` : "";
  return `${table.toString()}${more}`;
}

const named = ({ optimizer, learningRate, batchSize }: Setting): string =>
  `${optimizer} at ${learningRate.toPrecision(2)}, batch ${batchSize}`;

const spread = ({ mean, deviation, losses }: Finalist): string =>
  `${formatScore(mean)} ± ${formatScore(deviation)} over ${losses.length} seeds`;

function verdict({ finalists, winner, insideNoise }: CompareResult, file: string): string {
  const [first, second] = finalists;
  const go = `try: nabla train ${shellWord(shortPath(file))} --optimizer ${winner.optimizer} --lr ${winner.learningRate} --batch-size ${winner.batchSize}`;
  if (first === undefined) return `interrupted; the best so far is ${named(winner)}\n${go}`;
  const lines = [`best: ${named(first)}: ${spread(first)}`];
  if (second !== undefined) {
    lines.push(`next: ${named(second)}: ${spread(second)}`);
    lines.push(
      insideNoise
        ? "the difference is inside the noise of the seeds: either will do"
        : "the difference is beyond the noise of the seeds",
    );
  }
  return [...lines, go].join("\n");
}
