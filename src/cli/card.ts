/** nabla card: a model card of a run, from what its folder holds and what a file adds. */
import { join, resolve } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../io/index.ts";
import { formatSeconds } from "../train/index.ts";
import { type ModelCard, modelCard } from "../trust/index.ts";
import { checked, readJsonIfThere, readSections } from "./card-sections.ts";
import { exitCodes } from "./exit.ts";
import { shortPath } from "./load.ts";
import { print, printJson } from "./options.ts";
import { checkOut } from "./out-file.ts";
import { type RunConfig, RunFolder } from "./run-folder.ts";

export interface CardOptions {
  readonly out?: string;
  readonly with?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const scores = z.record(z.string(), z.number().nullable());

/** What a card takes of summary.json; runs may keep more. */
const summarySchema = z.object({
  seconds: z.number(),
  epochs: z.int(),
  parameters: z.int(),
  train: scores.nullable(),
  validation: scores.nullable(),
});

/** Of test.json: scores of each kind of model, the network's among them. */
const testSchema = z.record(z.string(), scores);

/** Runs the command and gives its exit code. */
export async function cardCommand(path: string, options: CardOptions): Promise<number> {
  if (options.out !== undefined) await checkOut(options.out, [".md"]);
  const folder = new RunFolder(path);
  const config = await folder.config();
  const own = await fromFolder(folder, config);
  const added = options.with === undefined ? {} : await readSections(options.with);
  const card = modelCard({
    ...own,
    ...added,
    // What is said beside the run's own facts, not in place of them.
    training: { ...own.training, ...added.training },
    scores: { ...own.scores, ...added.scores },
  });
  if (options.out === undefined) {
    // The card is what was asked for: it is printed though nothing else is.
    if (!options.json) process.stdout.write(card);
  } else {
    await writeFileAtomic(resolve(options.out), card);
    print(options, `model card of ${shortPath(folder.path)} in ${shortPath(resolve(options.out))}`);
  }
  const out = options.out === undefined ? null : shortPath(resolve(options.out));
  printJson(options, { run: shortPath(folder.path), out, card });
  return exitCodes.done;
}

async function fromFolder(folder: RunFolder, config: RunConfig): Promise<ModelCard> {
  const read = async <T>(name: string, schema: z.ZodType<T>): Promise<T | null> => {
    const path = join(folder.path, name);
    const value = await readJsonIfThere(path);
    return value === null ? null : checked(path, schema, value);
  };
  const summary = await read("summary.json", summarySchema);
  const test = await read("test.json", testSchema);
  const parts: Record<string, Record<string, number | null>> = {};
  if (summary?.train) parts.train = summary.train;
  if (summary?.validation) parts.validation = summary.validation;
  for (const [kind, values] of Object.entries(test ?? {})) {
    parts[kind === "network" ? "test" : `test, ${kind} for comparison`] = values;
  }
  return {
    name: config.name,
    ...(await preparedInputs(folder)),
    training: trainingFacts(config, summary),
    scores: parts,
  };
}

/** Inputs and target of a run on a table; nothing of another run. */
async function preparedInputs(folder: RunFolder): Promise<Pick<ModelCard, "inputs" | "target" | "classes">> {
  if ((await readJsonIfThere(join(folder.path, "preparation.json"))) === null) return {};
  const { features, target } = await folder.preparation();
  return {
    inputs: features.state.inputs.map(({ name, kind }) => `${name} (${kind})`),
    target: target.column,
    ...(target.kind === "classes" && { classes: target.classes }),
  };
}

function trainingFacts(
  config: RunConfig,
  summary: z.infer<typeof summarySchema> | null,
): NonNullable<ModelCard["training"]> {
  return {
    nabla: config.nabla,
    started: config.started,
    device: config.device,
    seed: config.seed,
    "epochs asked for": config.epochs,
    "batch size": config.batchSize ?? "changes, as the experiment says",
    optimizer: config.optimizer ?? "the experiment's",
    "learning rate": config.learningRate ?? "the experiment's",
    ...(summary === null
      ? { state: "the run has not ended" }
      : {
          "epochs trained": summary.epochs,
          "trained parameters": summary.parameters,
          time: formatSeconds(summary.seconds),
        }),
  };
}
