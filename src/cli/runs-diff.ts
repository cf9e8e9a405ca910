/** nabla runs diff: in what two runs differ, settings, environment and scores. */
import Table from "cli-table3";
import { best, formatScore, type RunRecord, readRun, secondsOf, statusOf } from "../train/index.ts";
import { exitCodes } from "./exit.ts";
import { type CommonOptions, print, printJson } from "./options.ts";

/** A value that differs; undefined where a run has none. */
interface Difference {
  readonly name: string;
  readonly a: unknown;
  readonly b: unknown;
}

/** Runs the command and gives its exit code. */
export async function diffRuns(a: string, b: string, options: CommonOptions): Promise<number> {
  const [first, second] = [await readRun(a), await readRun(b)];
  for (const { path, problems } of [first, second]) {
    for (const problem of problems) process.stderr.write(`nabla: warning: ${path}: ${problem}\n`);
  }
  const parts = {
    config: differences(first.config, second.config),
    environment: differences(first.environment, second.environment),
    scores: differences(scoresOf(first), scoresOf(second)),
  };
  for (const [name, rows] of Object.entries(parts)) {
    print(options, rows.length === 0 ? `${name}: the same` : table(name, a, b, rows));
  }
  printJson(options, { a, b, ...parts });
  return exitCodes.done;
}

function scoresOf(run: RunRecord): object {
  const top = best(run.history);
  const last = run.history.at(-1);
  return {
    status: statusOf(run).status,
    epochs: run.history.length,
    seconds: secondsOf(run),
    best: top && { epoch: top.epoch, ...(top.validation ?? top.train) },
    last: last && { train: last.train, validation: last.validation },
  };
}

function differences(a: object | null, b: object | null): Difference[] {
  const [left, right] = [flattened(a), flattened(b)];
  return [...new Set([...left.keys(), ...right.keys()])]
    .filter((name) => !Object.is(left.get(name), right.get(name)))
    .map((name) => ({ name, a: left.get(name), b: right.get(name) }));
}

/** Leaves by path. */
function flattened(value: unknown, path = ""): Map<string, unknown> {
  if (typeof value !== "object" || value === null) return new Map(path === "" ? [] : [[path, value]]);
  const below = Object.entries(value).flatMap(([name, inner]: [string, unknown]) => [
    ...flattened(inner, path === "" ? name : `${path}/${name}`),
  ]);
  return new Map(below);
}

function table(title: string, a: string, b: string, rows: readonly Difference[]): string {
  const drawn = new Table({ head: [title, a, b], style: { head: [], border: [], compact: true } });
  for (const row of rows) drawn.push([row.name, shown(row.a), shown(row.b)]);
  return drawn.toString();
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return "-";
  return typeof value === "number" && !Number.isInteger(value) ? formatScore(value) : String(value);
}
