/** nabla compare: races optimizers and learning rates on an experiment and says which wins, and by how much. */
import { availableParallelism } from "node:os";
import { SingleBar } from "cli-progress";
import { setDefaultDevice } from "../engine/runtime/index.ts";
import {
  type CompareResult,
  checkParts,
  compareOn,
  compareReport,
  firstBatchSize,
  formatScore,
  settingsOf,
} from "../train/index.ts";
import { ConfigError } from "../util/index.ts";
import { ChildLane } from "./child-lane.ts";
import { finalistTable, trialTable, verdict, winnerCurve } from "./compare-words.ts";
import { exitCodes } from "./exit.ts";
import { inFile, loadExperiment, shortPath } from "./load.ts";
import { learningRatesOf, optimizerByName, optimizerNames } from "./optimizers.ts";
import { type CommonOptions, print, printJson, useDevice } from "./options.ts";
import { checkOut, writeOut } from "./out-file.ts";
import { raceParts } from "./race-parts.ts";
import { applyRunSettings, readRunSettings } from "./run-settings.ts";
import { interruptedBy, interruptible } from "./signals.ts";

export interface CompareCommandOptions extends CommonOptions {
  readonly optimizers?: string;
  readonly rates?: readonly number[];
  readonly batchSizes?: readonly number[];
  readonly budget?: number;
  readonly steps?: number;
  readonly epochs?: number;
  readonly seeds?: number;
  readonly seed?: number;
  readonly target?: number;
  readonly parallel?: number;
  readonly out?: string;
  readonly apply?: boolean;
}

/** Those most people choose among. */
const usual = ["momentum", "nesterov", "rmsprop", "adam", "adamw", "lion"];

/** More at once mostly fill the memory with copies of the data. */
const mostLanes = 8;

/** Runs the command and gives its exit code. */
export async function compareCommand(file: string, options: CompareCommandOptions): Promise<number> {
  useDevice(options);
  const names = namesOf(options.optimizers);
  const rates = options.rates ?? Object.fromEntries(names.map((name) => [name, learningRatesOf(name)]));
  if (options.out !== undefined) await checkOut(options.out, [".html"]);
  const experiment = await loadExperiment(file);
  if (options.apply) await readRunSettings(file); // one that could not be replaced ends here
  if (options.device === undefined && experiment.device !== undefined) setDefaultDevice(experiment.device);
  let result: CompareResult;
  let code: number = exitCodes.done;
  try {
    if (typeof experiment.model !== "function") {
      throw new ConfigError(
        "compare: model must be a function that makes one, so that each trial has its own.",
      );
    }
    const settings = settingsOf({
      optimizers: Object.fromEntries(names.map((name) => [name, name])),
      learningRates: rates,
      batchSizes: options.batchSizes ?? [firstBatchSize(experiment.batchSize ?? 32)],
    });
    const parts = await raceParts(experiment);
    await checkParts(parts, settings);
    const progress = showProgress(options);
    try {
      result = await interruptible(async (signal) => {
        const lanes = lanesFor(file, options, settings.length);
        const raced = await compareOn(lanes, settings, parts.train.length, {
          budget: options.budget,
          steps: options.steps,
          epochs: options.epochs ?? experiment.epochs ?? 10,
          seeds: options.seeds,
          seed: options.seed,
          target: options.target,
          signal,
          onTrial: progress.note,
        });
        if (signal.aborted) code = interruptedBy(signal);
        else if (raced.finalists.length === 0) code = exitCodes.error; // no trial came to its end
        return raced;
      }, "finishing the steps under way and reporting; once more to end at once");
    } finally {
      progress.stop();
    }
  } catch (error) {
    throw inFile(error, shortPath(file));
  }
  print(options, trialTable(result.trials));
  print(options, finalistTable(result));
  print(options, winnerCurve(result));
  print(options, verdict(result, file));
  if (options.out !== undefined) {
    const about = { title: experiment.name, subtitle: `nabla compare ${shortPath(file)}` };
    print(options, await writeOut(options.out, compareReport(result, about)));
  }
  if (options.apply) await apply(file, options, result);
  printJson(options, { experiment: shortPath(file), ...result });
  return code;
}

/** Processes that share the threads among them. */
function lanesFor(file: string, options: CompareCommandOptions, settings: number): ChildLane[] {
  const available = availableParallelism();
  const threads = Math.min(options.threads ?? (Number(process.env.NABLA_THREADS) || available), available);
  const lanes = Math.min(options.parallel ?? Math.min(threads, mostLanes), settings);
  const setup = { file, device: options.device, threads: Math.max(1, Math.floor(threads / lanes)) };
  return Array.from({ length: lanes }, () => new ChildLane(setup));
}

/** A bar of the time, or of the rounds where they are counted in steps. */
function showProgress({ quiet, budget = 60, steps }: CompareCommandOptions) {
  const bar = new SingleBar({
    format: "{bar} {percentage} % | {round} | best {best}",
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: null,
  });
  let best = Number.POSITIVE_INFINITY;
  let round = "pace";
  const began = performance.now();
  const show = (): void => {
    const seconds = Math.min(budget, (performance.now() - began) / 1000);
    bar.update(steps === undefined ? seconds : 0, { round, best: formatScore(best) });
  };
  if (!quiet) bar.start(budget, 0, { round, best: "-" });
  const timer = quiet ? null : setInterval(show, 250);
  return {
    note: (trial: { readonly loss: number }, at: number, rounds: number): void => {
      best = Math.min(best, trial.loss);
      round = `round ${at} of ${rounds}`;
    },
    stop: (): void => {
      if (timer !== null) clearInterval(timer);
      bar.stop();
    },
  };
}

async function apply(file: string, options: CompareCommandOptions, result: CompareResult): Promise<void> {
  const { winner, finalists } = result;
  // Said even when quiet: it changes a file of the user's.
  const say = (text: string): void => {
    if (options.quiet) process.stderr.write(`${text}\n`);
    else print(options, text);
  };
  if (winner === null || finalists.length === 0) return say("nothing is applied: the race was interrupted");
  const chosen = { ...winner, chosenBy: "nabla compare", chosenAt: new Date().toISOString() };
  say(await applyRunSettings(file, chosen));
}

function namesOf(list: string | undefined): readonly string[] {
  if (list === undefined) return usual;
  if (list === "all") return optimizerNames;
  const names = list.split(",").map((name) => name.trim().toLowerCase());
  for (const name of names) optimizerByName(name); // a wrong name ends here
  return [...new Set(names)];
}
