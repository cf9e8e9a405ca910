/** nabla doctor: says what is wrong with an experiment or a run, and with --fix tries remedies and keeps what helps. */
import { resolve } from "node:path";
import { z } from "zod";
import {
  type Attempt,
  type Evidence,
  examine,
  type Finding,
  type Fixed,
  findingLines,
  fix,
  type Judged,
  judge,
  lint,
  noEvidence,
  nothingJudged,
  readJudgement,
  readTelemetry,
  recentOf,
  remedyWords,
} from "../doctor/index.ts";
import { defaultDevice, setDefaultDevice } from "../engine/runtime/index.ts";
import { exists, lookAt } from "../files/index.ts";
import { formatScore, readRun, type Scores } from "../train/index.ts";
import { DataError } from "../util/index.ts";
import { exitCodes, UsageError } from "./exit.ts";
import { fixedPath, writeFixed } from "./fixed-experiment.ts";
import { ExperimentError, inFile, loadExperiment, shortPath } from "./load.ts";
import { type CommonOptions, print, printJson, shellWord, useDevice } from "./options.ts";
import { interruptedBy, interruptible } from "./signals.ts";

export interface DoctorCommandOptions extends CommonOptions {
  readonly steps?: number;
  readonly seeds?: number;
  readonly fix?: boolean;
}

/** Runs the command and gives its exit code. */
export async function doctorCommand(path: string, options: DoctorCommandOptions): Promise<number> {
  useDevice(options);
  if ((await exists(path)) && (await lookAt(path)).kind === "folder") return ofRun(path, options);
  return ofExperiment(path, options);
}

async function ofExperiment(file: string, options: DoctorCommandOptions): Promise<number> {
  const experiment = await loadExperiment(file);
  if (options.device === undefined && experiment.device !== undefined) setDefaultDevice(experiment.device);
  if (options.fix && typeof experiment.model !== "function") {
    throw new UsageError(
      "--fix: the experiment's model must be a function that makes one, so that each trial has its own.",
    );
  }
  if (options.fix) await fixedPath(file); // one that could not be replaced ends here
  const { steps, seeds } = options;
  try {
    return await interruptible(async (signal) => {
      const profile = defaultDevice().backend.time !== undefined;
      const { findings, trained } = await examine(experiment, { ...(steps && { steps }), profile, signal });
      print(options, findingLines(findings));
      if (!trained) print(options, "not trained: it could not take a step like this");
      let fixed: Fixed | null = null;
      let written: string | null = null;
      if (options.fix && !signal.aborted) {
        fixed = await fix(experiment, findings, {
          ...(steps && { steps }),
          ...(seeds && { seeds }),
          signal,
          onTrial: (remedies, loss) =>
            print(options, `tried ${remedies.map(remedyWords).join(" and ")}: ${formatScore(loss)}`),
        });
        for (const attempt of fixed.attempts) print(options, attemptLine(attempt));
        if (fixed.kept) written = await writeFixed(file, fixed.kept.remedies);
        // Said even when quiet: it writes a file.
        const said =
          written === null
            ? "nothing is kept: no remedy helped beyond the noise"
            : `kept in ${shortPath(written)}: nabla train ${shellWord(shortPath(written))}`;
        if (options.quiet && written !== null) process.stderr.write(`${said}\n`);
        else print(options, said);
      }
      printJson(options, {
        experiment: shortPath(file),
        trained,
        findings,
        ...(fixed && { fixed }),
        written,
      });
      return signal.aborted ? interruptedBy(signal) : exitCodes.done;
    }, "finishing the training under way; once more to end at once");
  } catch (error) {
    throw inFile(error, shortPath(file));
  }
}

/** Losses are in units of the best constant answer's. */
function attemptLine({ finding, remedies, comparison }: Attempt): string {
  const { before, after, p, helps } = comparison;
  const mean = (losses: readonly number[]) =>
    losses.every(Number.isFinite)
      ? formatScore(losses.reduce((sum, loss) => sum + loss, 0) / losses.length)
      : `${losses.filter((loss) => !Number.isFinite(loss)).length} of ${losses.length} failed`;
  const test = p === null ? "" : p < 0.001 ? " (p < 0.001)" : ` (p = ${p.toPrecision(2)})`;
  const sure = helps && p !== null && p >= 0.05 ? " (they do not overlap)" : test;
  return `${finding}: ${remedies.map(remedyWords).join(" and ")}: ${mean(before)} -> ${mean(after)} over ${before.length} seeds${sure}: ${helps ? "it helps" : "no help beyond the noise"}`;
}

async function ofRun(path: string, options: DoctorCommandOptions): Promise<number> {
  if (options.fix) {
    throw new UsageError(
      "--fix: takes an experiment, which it can change; a run is over. Name its experiment file.",
    );
  }
  const run = await readRun(path);
  for (const problem of run.problems) process.stderr.write(`nabla: warning: ${problem}\n`);
  const { experiment, seed, batchSize = null, learningRate = null } = settingsSchema.parse(run.config ?? {});
  // A run of `track` alone does not say what it was made by.
  const known =
    experiment === undefined ? noEvidence : await whatExperimentSays(resolve(path, experiment), seed);
  const telemetry = await readTelemetry(path);
  const history = run.history.map(({ train, validation, ...rest }) => ({
    ...rest,
    train: scoresOf(train),
    validation: validation && scoresOf(validation),
  }));
  const evidence: Evidence = {
    ...known,
    ...(await judgementOf(path)),
    settings: {
      shuffled: true,
      partOfRows: false,
      weightDecay: null,
      ...known.settings,
      batchSize,
      learningRate,
    },
    telemetry: recentOf(telemetry),
    history,
    profile: run.profile,
  };
  const findings: Finding[] = judge(evidence);
  print(options, findingLines(findings));
  if (telemetry.length === 0) print(options, "the run has no telemetry.jsonl: judged by its history alone");
  printJson(options, { run: shortPath(path), findings, telemetry: telemetry.length, epochs: history.length });
  return exitCodes.done;
}

/** A damaged file is among the run's problems. */
async function judgementOf(path: string): Promise<Judged> {
  try {
    return await readJudgement(path);
  } catch (error) {
    if (error instanceof DataError) return nothingJudged;
    throw error;
  }
}

/** What config.json says, where it does. */
const settingsSchema = z.object({
  experiment: z.string().optional().catch(undefined),
  seed: z.int().optional().catch(undefined),
  batchSize: z.int().nullish().catch(null),
  learningRate: z.number().nullish().catch(null),
});

const scoresOf = (scores: Readonly<Record<string, number>>): Scores => ({ loss: Number.NaN, ...scores });

/** Facts of data and model, where the experiment is still there and can be loaded. */
async function whatExperimentSays(file: string, seed: number | undefined): Promise<Evidence> {
  try {
    const experiment = await loadExperiment(file);
    return (await lint({ ...experiment, ...(seed !== undefined && { seed }) })).evidence;
  } catch (error) {
    if (error instanceof ExperimentError) return noEvidence;
    throw error;
  }
}
