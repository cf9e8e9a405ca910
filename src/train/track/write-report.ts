/** Writes a run's report.html, after measuring its classes where that can be done. */
import { join } from "node:path";
import type { Dataset } from "../../data/index.ts";
import type { Tensor } from "../../engine/tensor/index.ts";
import { writeFileAtomic } from "../../files/index.ts";
import { runReport } from "../report/run-report.ts";
import { evaluateClasses, isClassification } from "./class-evaluation.ts";
import { readRun } from "./run-record.ts";

export interface ReportData {
  /** Gives outputs for the rows of the data: a Trainer does. */
  readonly trainer: { predict(data: Dataset): Promise<Tensor> };
  /** What the confusion matrix and the worst mistakes are of, where the model tells classes apart. */
  readonly validation: Dataset;
  /** Names of the classes; default: their numbers. */
  readonly classes?: readonly string[] | undefined;
}

/**
 * Draws what a run's folder holds as report.html in it: one file that needs no network. With a trainer and validation data it
 * predicts these first and keeps what came out as evaluation.json. Gives the path of the report.
 *
 * @throws FileError; ConfigError where the folder is none of a run
 * @example await writeReport("runs/first", { trainer, validation: test });
 */
export async function writeReport(dir: string, measured?: ReportData): Promise<string> {
  if (measured !== undefined) await measure(dir, measured);
  const path = join(dir, "report.html");
  await writeFileAtomic(path, runReport(await readRun(dir)));
  return path;
}

async function measure(dir: string, { trainer, validation, classes }: ReportData): Promise<void> {
  const outputs = await trainer.predict(validation);
  if (!isClassification(validation, outputs.shape)) return;
  const logits = Float32Array.from(await outputs.data(), Number);
  const evaluation = await evaluateClasses(logits, validation, classes);
  if (evaluation !== null)
    await writeFileAtomic(join(dir, "evaluation.json"), `${JSON.stringify(evaluation)}\n`);
}
