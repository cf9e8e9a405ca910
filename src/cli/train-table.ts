/** nabla train houses.csv --target price: decides, writes the experiment, runs it, and says how much better it is than a plain guess. */
import { join, parse, relative, resolve, sep } from "node:path";
import Table from "cli-table3";
import { ensureFolder, writeFileAtomic } from "../files/index.ts";
import {
  constantOutputs,
  type Decisions,
  decide,
  experimentModel,
  experimentSource,
  formatScore,
  linearOutputs,
  scoresOf,
  type TabularScores,
  Trainer,
  tableFolds,
} from "../train/index.ts";
import { InternalError } from "../util/index.ts";
import { exitCodes, UsageError } from "./exit.ts";
import { loadExperiment, shortPath } from "./load.ts";
import { print, printJson, useDevice } from "./options.ts";
import { readTableFile } from "./read-table.ts";
import { newRunFolder, type RunFolder } from "./run-folder.ts";
import type { TrainOptions } from "./train.ts";

type Train = (file: string, options: TrainOptions) => Promise<number>;

/** Runs the command and gives its exit code; `train` runs the experiment that it writes. */
export async function trainTable(file: string, options: TrainOptions, train: Train): Promise<number> {
  const { target, folds, out, json } = options;
  if (options.resume !== undefined) {
    throw new UsageError("--resume: goes on with the run alone. Leave out the table.");
  }
  useDevice(options);
  const table = await readTableFile(file);
  if (target === undefined) {
    throw new UsageError(`--target: name the column to predict: ${table.names.slice(0, 30).join(", ")}`);
  }
  const wishes = {
    target,
    task: options.task,
    seed: options.seed,
    epochs: options.epochs,
    batchSize: options.batchSize,
    learningRate: options.lr,
  };
  const decided = decide(table, wishes);
  print(options, decided.lines.join("\n"));
  if (folds !== undefined) {
    const { crossValidate } = await import("./folds.ts");
    return crossValidate(tableFolds(table, wishes, folds), options);
  }
  const name =
    parse(file)
      .name.replace(/[^\w.-]/g, "-")
      .replace(/^[^\w]+/, "") || "table";
  const folder = await newRunFolder(name, out);
  await ensureFolder(folder.path);
  const experiment = join(folder.path, "experiment.ts");
  const path = relative(folder.path, resolve(file)).split(sep).map(encodeURIComponent).join("/");
  await writeFileAtomic(experiment, experimentSource(decided, path, name));
  const { target: _, task: __, folds: ___, lr, seed, epochs, batchSize, ...rest } = options;
  const code = await train(experiment, {
    ...rest,
    out: folder.path,
    json: false,
    quiet: options.quiet || json,
  });
  if (code !== exitCodes.done) return code;
  const scores = await measure(decided, folder, experiment);
  print(options, scoresTable(scores));
  print(options, `experiment in ${shortPath(experiment)}; again: nabla train ${shortPath(experiment)}`);
  printJson(options, { run: shortPath(folder.path), task: decided.task, test: scores });
  return exitCodes.done;
}

type Measured = Readonly<Record<"guess" | "linear" | "network", TabularScores>>;

/** On the test part: a guess without features, a linear model and the trained network. */
async function measure(
  { data, outputs, seed }: Decisions,
  folder: RunFolder,
  file: string,
): Promise<Measured> {
  const { train, test, preparation } = data;
  if (test === undefined) throw new InternalError("train: the table has no test part after training");
  const experiment = await loadExperiment(file);
  const { loss, optimizer } = experiment;
  const trainer = new Trainer({ model: experimentModel(experiment), loss, optimizer, seed });
  await trainer.load(folder.checkpoint);
  const network = Float32Array.from((await (await trainer.predict(test)).data()) as Float32Array);
  const of = (values: Float32Array) => scoresOf(values, test, preparation.target);
  const measured = {
    guess: of(constantOutputs(train, outputs, test.length)),
    linear: of(await linearOutputs(train, test, outputs)),
    network: of(network),
  };
  await writeFileAtomic(join(folder.path, "test.json"), `${JSON.stringify(measured, null, 2)}\n`);
  return measured;
}

const names = { guess: "guess (mean or majority)", linear: "linear model", network: "network" } as const;

function scoresTable(measured: Measured): string {
  const scores = Object.keys(measured.network);
  const table = new Table({
    head: ["on the test rows", ...scores],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", ...scores.map(() => "right" as const)],
  });
  for (const row of ["guess", "linear", "network"] as const) {
    table.push([names[row], ...scores.map((score) => formatScore(measured[row][score] as number))]);
  }
  return table.toString();
}
