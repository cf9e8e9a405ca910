/** nabla predict: a run's preparation and network on the rows of a table. */
import { dirname, resolve } from "node:path";
import { type Count, type HostArray, type Preparation, type Table, tableEndings } from "../data/index.ts";
import { setDefaultDevice } from "../engine/runtime/index.ts";
import { ensureWritable, writeFileAtomic } from "../files/index.ts";
import { bestOf, experimentModel, Trainer } from "../train/index.ts";
import { exitCodes, UsageError } from "./exit.ts";
import { loadExperiment, shortPath } from "./load.ts";
import { print, printJson, useDevice, type WeightsOptions, weightsIn } from "./options.ts";
import { isTable, readTableFile } from "./read-table.ts";
import { RunFolder } from "./run-folder.ts";

export interface PredictOptions extends WeightsOptions {
  readonly out: string;
}

/** Runs the command and gives its exit code. */
export async function predictTable(path: string, file: string, options: PredictOptions): Promise<number> {
  if (!isTable(file)) {
    throw new UsageError(`predict: the table must end in one of ${tableEndings.join(", ")}; got ${file}.`);
  }
  useDevice(options);
  await ensureWritable(dirname(resolve(options.out)));
  const folder = new RunFolder(path);
  const config = await folder.config();
  const preparation = await folder.preparation();
  const experiment = await loadExperiment(folder.experimentFile(config));
  if (options.device === undefined && experiment.device !== undefined) setDefaultDevice(experiment.device);
  const { x, counts } = preparation.features.features(await readFor(preparation, file));
  const { loss, optimizer } = experiment;
  const { seed, precision } = config;
  const trainer = new Trainer({ model: experimentModel(experiment), loss, optimizer, seed, precision });
  await trainer.load(folder.checkpoint, weightsIn(options));
  const outputs = (await (await trainer.predict({ data: x.data, shape: x.shape })).data()) as Float32Array;
  await writeFileAtomic(resolve(options.out), predictionsCsv(outputs, preparation));
  for (const line of describeCounts(counts, x)) print(options, line);
  const rows = x.shape[0] as number;
  print(options, `${rows} predictions in ${shortPath(resolve(options.out))}`);
  printJson(options, { rows, out: shortPath(resolve(options.out)), counts });
  return exitCodes.done;
}

/** Categories as they are written, also where in this file all of them look like numbers. */
async function readFor({ features }: Preparation, file: string): Promise<Table> {
  const table = await readTableFile(file);
  const kinds = features.state.inputs.filter(({ name, kind }) => {
    const isThere = table.columns.find((column) => column.name === name);
    return isThere && isThere.kind !== kind && (kind === "category" || kind === "text");
  });
  if (kinds.length === 0) return table;
  return readTableFile(file, Object.fromEntries(kinds.map(({ name, kind }) => [name, kind])));
}

function describeCounts(counts: readonly Count[], x: HostArray): string[] {
  const words = {
    missing: "missing",
    unknown: "of a category not seen in training",
    unreadable: "not readable as the column's kind, so missing",
  };
  return counts.map(
    ({ column, what, count }) => `"${column}": ${count} of ${x.shape[0]} values ${words[what]}`,
  );
}

/** A column of predictions, and of classes one with the probability of each. */
function predictionsCsv(outputs: Float32Array, { target }: Preparation): string {
  if (target.kind === "number") {
    const lines = Array.from(outputs, (value) => String(value * target.deviation + target.mean));
    return [cell(target.column), ...lines, ""].join("\n");
  }
  const { classes, column } = target;
  const lines = [[column, ...classes.map((name) => `${column}=${name}`)].map(cell).join(",")];
  for (let start = 0; start < outputs.length; start += classes.length) {
    const logits = outputs.subarray(start, start + classes.length);
    const best = bestOf(logits);
    const powers = Array.from(logits, (logit) => Math.exp(logit - (logits[best] as number)));
    const sum = powers.reduce((total, power) => total + power, 0);
    lines.push(
      [cell(classes[best] as string), ...powers.map((power) => (power / sum).toPrecision(7))].join(","),
    );
  }
  return [...lines, ""].join("\n");
}

/** A cell in quotes where it needs them (RFC 4180). */
const cell = (text: string): string => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
