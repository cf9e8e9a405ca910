/** The doctor beside nabla train: what it knows before the first step, and what it says while steps go on. */
import { Dataset } from "../data/index.ts";
import {
  doctor,
  type Evidence,
  type Finding,
  findingLine,
  lint,
  noEvidence,
  telemetryRecorder,
} from "../doctor/index.ts";
import { hasCheckpoint } from "../io/index.ts";
import {
  type Callback,
  type Experiment,
  type ExperimentData,
  NotFiniteError,
  type Trainer,
} from "../train/index.ts";
import { NablaError } from "../util/index.ts";

export interface WatchOptions {
  readonly quiet: boolean;
  /** Whether steps measure themselves. */
  readonly telemetry: boolean;
  readonly folder: () => string;
  readonly explain: (failure: NotFiniteError) => Promise<string>;
  readonly onFailure: (error: unknown) => void;
}

/** The doctor's callbacks, to stand behind what shows progress; warnings are said on stderr, a line each. */
export function watch(evidence: Evidence, options: WatchOptions): Callback[] {
  const { quiet, telemetry, folder, explain, onFailure } = options;
  const waiting: string[] = [];
  let steps = false; // a terminal's bar is drawn: what is said would be drawn over
  const say = (): void => {
    for (const line of waiting.splice(0)) process.stderr.write(`${line}\n`);
  };
  const onFinding = (finding: Finding): void => {
    if (quiet || finding.severity === "info") return;
    waiting.push(findingLine(finding));
    if (!steps || !process.stderr.isTTY) say();
  };
  const over = (): void => {
    steps = false;
    say();
  };
  return [
    ...(telemetry ? [telemetryRecorder(folder, { onFailure })] : []),
    doctor({ evidence, folder, onFinding, onFailure, explain }),
    {
      name: "what the doctor says",
      batch: () => {
        steps = true;
      },
      epochEnd: over,
      stop: over,
      error: over,
    },
  ];
}

/** What looking at data and model tells. Where that fails, `fit` says why, in its own words. */
export async function evidenceOf(experiment: Experiment, data: ExperimentData): Promise<Evidence> {
  try {
    return (await lint(experiment, data)).evidence;
  } catch (error) {
    if (error instanceof NablaError) return noEvidence;
    throw error;
  }
}

/** Steps that are taken again, watching every operation, at most. */
const MOST_AGAIN = 2000;

export interface Again {
  /** A trainer of the same run in debug mode, which has `callbacks` alone. */
  readonly trainer: (callbacks: readonly Callback[]) => Trainer;
  readonly train: (trainer: Trainer) => Promise<unknown>;
  readonly checkpoint: string;
}

/**
 * Names the operation that first gave a number that is none, by taking the steps since the last checkpoint again to the same bits; "" where
 * there are too many, or where it does not come to the same.
 */
export async function explainAgain({ step }: NotFiniteError, { trainer, train, checkpoint }: Again) {
  const again = trainer([
    {
      stepEnd({ position }, run) {
        if (position.step > step) run.stop("the loss was a number this time");
      },
    },
  ]);
  if (await hasCheckpoint(checkpoint)) await again.resume(checkpoint);
  const { position } = again;
  if (position.step > step || step - position.step > MOST_AGAIN) return "";
  try {
    await train(again);
    return "";
  } catch (error) {
    return error instanceof NotFiniteError ? error.operation : "";
  }
}

/** Whether the same rows can be had again. */
export const canBeRepeated = (experiment: Experiment, { train }: ExperimentData): boolean =>
  typeof experiment.model === "function" && train instanceof Dataset;
