/** nabla report: draws a run's folder as one HTML file. */
import { join, resolve } from "node:path";
import { writeFileAtomic } from "../files/index.ts";
import { readRun, runReport } from "../train/index.ts";
import { exitCodes } from "./exit.ts";
import { shortPath } from "./load.ts";
import { type CommonOptions, print, printJson } from "./options.ts";

export interface ReportOptions extends CommonOptions {
  readonly out?: string;
}

/** Runs the command and gives its exit code. */
export async function reportCommand(path: string, options: ReportOptions): Promise<number> {
  const run = await readRun(path);
  const out = resolve(options.out ?? join(path, "report.html"));
  await writeFileAtomic(out, runReport(run));
  for (const problem of run.problems) process.stderr.write(`nabla: warning: ${problem}\n`);
  print(options, `report in ${shortPath(out)}`);
  printJson(options, { run: shortPath(run.path), report: shortPath(out), problems: run.problems });
  return exitCodes.done;
}
