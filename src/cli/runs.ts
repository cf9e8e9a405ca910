/** nabla runs: the runs of a folder in a table. */
import { join, resolve } from "node:path";
import Table from "cli-table3";
import { exists, listFolder, lookAt } from "../files/index.ts";
import {
  best,
  formatScore,
  formatSeconds,
  type RunRecord,
  type RunStatus,
  readRun,
  secondsOf,
  statusOf,
} from "../train/index.ts";
import { exitCodes, UsageError } from "./exit.ts";
import { shortPath } from "./load.ts";
import { type CommonOptions, print, printJson } from "./options.ts";

export interface RunsOptions extends CommonOptions {
  readonly sort?: keyof typeof order;
}

/** A line of the list. */
export interface ListedRun {
  readonly run: string;
  readonly name: string;
  readonly started: string | null;
  readonly epochs: number;
  readonly wanted: number | null;
  /** Of the epoch with the least validation loss (training loss where nothing was validated). */
  readonly loss: number | null;
  /** The first metric besides the loss, in that epoch. */
  readonly score: { readonly name: string; readonly value: number } | null;
  readonly seconds: number | null;
  readonly device: string;
  readonly status: RunStatus | "damaged";
  readonly problems: readonly string[];
}

const text = (value: string | null) => (a: string | null) => (a ?? "").localeCompare(value ?? "", "en");
const least = (a: number | null, b: number | null) =>
  (a ?? Number.POSITIVE_INFINITY) - (b ?? Number.POSITIVE_INFINITY);

/** Names and losses from the least, times and counts from the greatest. */
const order = {
  name: (a: ListedRun, b: ListedRun) => text(b.name)(a.name),
  when: (a: ListedRun, b: ListedRun) => text(a.started)(b.started),
  epochs: (a: ListedRun, b: ListedRun) => b.epochs - a.epochs,
  loss: (a: ListedRun, b: ListedRun) => least(a.loss, b.loss) || 0,
  score: (a: ListedRun, b: ListedRun) => least(negative(a), negative(b)) || 0,
  time: (a: ListedRun, b: ListedRun) => (b.seconds ?? -1) - (a.seconds ?? -1),
  device: (a: ListedRun, b: ListedRun) => text(b.device)(a.device),
  status: (a: ListedRun, b: ListedRun) => text(b.status)(a.status),
};

const negative = ({ score }: ListedRun): number | null => (score === null ? null : -score.value);

/** Runs the command and gives its exit code. */
export async function listRuns(given: string | undefined, options: RunsOptions): Promise<number> {
  const folder = resolve(given ?? "runs");
  if (!(await exists(folder))) {
    if (given !== undefined) throw new UsageError(`runs: ${given} does not exist. Check the path.`);
    print(options, "there are no runs yet in runs");
    printJson(options, { runs: [] });
    return exitCodes.done;
  }
  const runs = (await findRuns(folder)).sort(order[options.sort ?? "when"]);
  print(options, runs.length === 0 ? `there are no runs in ${shortPath(folder)}` : table(runs));
  for (const { run, status, problems } of runs) {
    if (status === "damaged") for (const problem of problems) print(options, `${run}: ${problem}`);
  }
  printJson(options, { runs });
  return exitCodes.done;
}

/** Folders with a config.json, in the folder itself or, as `--out a/b` makes them, one further down. */
async function findRuns(folder: string): Promise<ListedRun[]> {
  const found: ListedRun[] = [];
  for (const path of await runFolders(folder, 2)) found.push(await listed(path));
  return found;
}

async function runFolders(folder: string, depth: number): Promise<string[]> {
  const names = await listFolder(folder).catch((): string[] => []);
  if (names.includes("config.json") || names.includes("history.jsonl")) return [folder];
  if (depth === 0) return [];
  const below = names.filter((name) => !name.startsWith(".")).map((name) => join(folder, name));
  const kinds = await Promise.all(below.map((path) => lookAt(path).catch(() => null)));
  const lists = below.map((path, at) => (kinds[at]?.kind === "folder" ? runFolders(path, depth - 1) : []));
  return (await Promise.all(lists)).flat();
}

async function listed(path: string): Promise<ListedRun> {
  try {
    return describe(await readRun(path));
  } catch (error) {
    const problems = [error instanceof Error ? error.message : String(error)];
    const nothing = { started: null, epochs: 0, wanted: null, loss: null, score: null, seconds: null };
    return { run: shortPath(path), name: "", ...nothing, device: "", status: "damaged", problems };
  }
}

export function describe(run: RunRecord): ListedRun {
  const top = best(run.history);
  const scores = top?.validation ?? top?.train ?? {};
  const [name, value] = Object.entries(scores).find(([key]) => key !== "loss") ?? [];
  return {
    run: shortPath(run.path),
    name: run.name,
    started: run.config?.started ?? null,
    epochs: run.history.length,
    wanted: run.config?.epochs ?? null,
    loss: scores.loss ?? null,
    score: name === undefined || value === undefined ? null : { name, value },
    seconds: secondsOf(run),
    device: run.environment?.device ?? String(run.config?.device ?? ""),
    status: run.config === null || run.problems.length > 0 ? "damaged" : statusOf(run).status,
    problems: run.problems,
  };
}

function table(runs: readonly ListedRun[]): string {
  const drawn = new Table({
    head: ["run", "name", "when", "epochs", "best loss", "score", "time", "device", "status"],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", "left", "left", "right", "right", "left", "right", "left", "left"],
  });
  for (const { run, name, started, epochs, wanted, loss, score, seconds, device, status } of runs) {
    drawn.push([
      run,
      name,
      when(started),
      wanted === null ? String(epochs) : `${epochs}/${wanted}`,
      loss === null ? "-" : formatScore(loss),
      score === null ? "-" : `${score.name} ${formatScore(score.value)}`,
      seconds === null ? "-" : formatSeconds(seconds),
      device,
      status,
    ]);
  }
  return drawn.toString();
}

/** In local time, to the minute. */
function when(started: string | null): string {
  const date = new Date(started ?? "");
  if (Number.isNaN(date.getTime())) return "-";
  const pad = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${pad(date.getHours())}:${pad(date.getMinutes())}`;
}
