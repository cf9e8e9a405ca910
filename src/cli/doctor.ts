/** nabla doctor: says what is wrong with an experiment or a run, and with --fix tries remedies and keeps what helps. */
import { join } from "node:path";
import { z } from "zod";
import {
  type Attempt,
  type Evidence,
  examine,
  type Finding,
  type Fixed,
  findingLines,
  fix,
  judge,
  lint,
  noEvidence,
  readTelemetry,
  remedyWords,
} from "../doctor/index.ts";
import { setDefaultDevice } from "../engine/runtime/index.ts";
import { exists, lookAt, readBytes } from "../files/index.ts";
import { type EpochRecord, formatScore } from "../train/index.ts";
import { DataError, FileError } from "../util/index.ts";
import { exitCodes, UsageError } from "./exit.ts";
import { fixedPath, writeFixed } from "./fixed-experiment.ts";
import { ExperimentError, inFile, loadExperiment, shortPath } from "./load.ts";
import { type CommonOptions, print, printJson, shellWord, useDevice } from "./options.ts";
import { RunFolder } from "./run-folder.ts";
import { interruptible } from "./signals.ts";

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
      const { findings, trained } = await examine(experiment, { ...(steps && { steps }), signal });
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
      return signal.aborted ? exitCodes.interrupted : exitCodes.done;
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
  const folder = new RunFolder(path);
  const config = await folder.config();
  const [telemetry, history] = [await readTelemetry(path), await readHistory(path)];
  const known = await whatExperimentSays(folder.experimentFile(config));
  const evidence: Evidence = {
    ...known,
    settings: {
      shuffled: true,
      partOfRows: false,
      weightDecay: null,
      ...known.settings,
      batchSize: config.batchSize,
      learningRate: config.learningRate,
    },
    telemetry,
    history,
  };
  const findings: Finding[] = judge(evidence);
  print(options, findingLines(findings));
  if (telemetry.length === 0) print(options, "the run has no telemetry.jsonl: judged by its history alone");
  printJson(options, { run: shortPath(path), findings, telemetry: telemetry.length, epochs: history.length });
  return exitCodes.done;
}

/** Facts of data and model, where the experiment is still there and can be loaded. */
async function whatExperimentSays(file: string): Promise<Evidence> {
  try {
    return (await lint(await loadExperiment(file))).evidence;
  } catch (error) {
    if (error instanceof ExperimentError) return noEvidence;
    throw error;
  }
}

const scores = z
  .record(z.string(), z.number().nullable())
  .transform(
    (given) =>
      Object.fromEntries(
        Object.entries(given).map(([name, value]) => [name, value ?? Number.NaN]),
      ) as EpochRecord["train"],
  );
const record = z.object({ epoch: z.int(), step: z.int(), train: scores, validation: scores.nullable() });

/** A last line that was cut off is left out. Throws DataError naming file and line. */
async function readHistory(folder: string): Promise<EpochRecord[]> {
  const path = join(folder, "history.jsonl");
  let text: string;
  try {
    text = new TextDecoder().decode(await readBytes(path));
  } catch (error) {
    if (error instanceof FileError && error.code === "ENOENT") return [];
    throw error;
  }
  const lines = text.split("\n");
  return lines.flatMap((line, at) => {
    if (line.trim() === "") return [];
    try {
      const read = record.safeParse(JSON.parse(line));
      if (read.success) return [read.data];
    } catch {
      if (at === lines.length - 1) return [];
    }
    throw new DataError(
      `${shortPath(path)}: line ${at + 1} must be an epoch's record as JSON. The file is damaged.`,
    );
  });
}
