/** nabla evaluate: rebuilds a run's experiment, loads its checkpoint and measures it. */
import Table from "cli-table3";
import { setDefaultDevice } from "../engine/runtime/index.ts";
import {
  experimentData,
  experimentModel,
  formatScore,
  formatSeconds,
  inMemory,
  type Scores,
  Trainer,
} from "../train/index.ts";
import { ConfigError } from "../util/index.ts";
import { exitCodes } from "./exit.ts";
import { inFile, loadExperiment, shortPath } from "./load.ts";
import { print, printJson, useDevice, type WeightsOptions, weightsIn } from "./options.ts";
import { RunFolder } from "./run-folder.ts";

/** Runs the command and gives its exit code. */
export async function evaluate(path: string, options: WeightsOptions): Promise<number> {
  useDevice(options);
  const folder = new RunFolder(path);
  const config = await folder.config();
  const file = folder.experimentFile(config);
  const experiment = await loadExperiment(file);
  if (options.device === undefined && experiment.device !== undefined) setDefaultDevice(experiment.device);
  const began = performance.now();
  const scores: { train?: Scores; validation?: Scores; test?: Scores } = {};
  try {
    const data = await experimentData(experiment);
    const trainer = new Trainer({
      model: experimentModel(experiment),
      loss: experiment.loss,
      optimizer: experiment.optimizer,
      metrics: experiment.metrics ?? [],
      seed: config.seed,
      precision: config.precision,
    });
    await trainer.load(folder.checkpoint, weightsIn(options));
    const validation = data.validation ?? data.test;
    if (validation) scores.validation = await trainer.evaluate(validation);
    if (data.validation && data.test) scores.test = await trainer.evaluate(data.test);
    if (!validation) scores.train = await trainer.evaluate(inMemory("evaluate", data.train));
  } catch (error) {
    throw inFile(error, shortPath(file));
  }
  const seconds = (performance.now() - began) / 1000;
  const parts = Object.entries(scores) as [string, Scores][];
  const names = Object.keys(parts[0]?.[1] ?? {});
  if (names.length === 0) throw new ConfigError(`${shortPath(file)}: there is no data to evaluate on.`);
  const table = new Table({
    head: ["", ...names],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", ...names.map(() => "right" as const)],
  });
  for (const [part, values] of parts)
    table.push([part, ...names.map((name) => formatScore(values[name] as number))]);
  print(options, table.toString());
  print(options, `${shortPath(folder.path)}, ${formatSeconds(seconds)}`);
  printJson(options, { run: shortPath(folder.path), seconds: Number(seconds.toFixed(3)), ...scores });
  return exitCodes.done;
}
