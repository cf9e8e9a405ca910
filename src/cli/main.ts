#!/usr/bin/env node
/** The command line: nabla train | evaluate | predict | lr-find | compare | doctor | report | runs | card | data | augment | info. */
import { Command, CommanderError, Option } from "commander";
import type { AugmentCommandOptions } from "./augment.ts";
import type { CardOptions } from "./card.ts";
import type { CompareCommandOptions } from "./compare.ts";
import type { DataCommandOptions } from "./data.ts";
import type { DoctorCommandOptions } from "./doctor.ts";
import { exitCodes, report } from "./exit.ts";
import type { LrFindCommandOptions } from "./lr-find.ts";
import { optimizerNames } from "./optimizers.ts";
import {
  type CommonOptions,
  duration,
  list,
  number,
  positive,
  type WeightsOptions,
  whole,
  withCommonOptions,
  withOutput,
  withWeights,
} from "./options.ts";
import type { PredictOptions } from "./predict.ts";
import type { ReportOptions } from "./report.ts";
import type { RunsOptions } from "./runs.ts";
import type { TrainOptions } from "./train.ts";
import { version } from "./version.ts";

let code: number = exitCodes.done;

/** Commands are loaded when they run: `nabla --help` needs no engine. */
const program = new Command("nabla")
  .description("Optimises neural networks end to end.")
  .version(version)
  .showHelpAfterError(false)
  .exitOverride()
  .configureOutput({
    // One line, and how to find out more.
    outputError: (text, write) => {
      const line = text
        .replace(/^error: /, "")
        .replace(/\s*\n\s*/g, " ")
        .trim();
      write(`nabla: ${line.replace(/\.$/, "")}. See nabla --help.\n`);
    },
  });

withCommonOptions(
  program
    .command("train")
    .description("train an experiment and save the run in runs/<name>-<time>")
    .argument(
      "[experiment]",
      "a .ts or .js file that default-exports defineExperiment({ ... }), or a table (.csv, .tsv, .jsonl, .parquet)",
    )
    .option("--target <column>", "of a table: the column to predict")
    .addOption(
      new Option("--task <kind>", "of a table: what to predict (default: auto)").choices([
        "auto",
        "regression",
        "binary",
        "multiclass",
      ]),
    )
    .option("--folds <n>", "cross-validate: train n times and report mean and deviation", whole(2))
    .option("--epochs <n>", "times through the training data", whole(1))
    .option("--batch-size <n>", "rows in a batch, in place of what the experiment says", whole(1))
    .option("--lr <rate>", "learning rate", positive)
    .option("--optimizer <name>", `in place of the experiment's: ${optimizerNames.join(", ")}`)
    .option("--seed <n>", "of initial values, order and randomness", whole(0))
    .addOption(
      new Option(
        "--precision <type>",
        "store activations in bf16 or f16, master weights in f32 (default: f32)",
      ).choices(["f32", "bf16", "f16"]),
    )
    .option("--out <folder>", "the run's folder (default: runs/<name>-<time>)")
    .option("--resume <run>", "go on with a run that was stopped")
    .option("--profile", "time phases, layers and kernels, and say at the end where the time went")
    .option("--max-steps <n>", "end after so many steps in all", whole(1))
    .option("--time-budget <time>", "end after so much time, as in 90s, 30m or 2h", duration)
    .addOption(
      new Option(
        "--nan-guard [action]",
        "when numbers stop being finite: back to the last good state with a lower learning rate (rollback, the default), or end there",
      )
        .choices(["rollback", "stop"])
        .preset("rollback"),
    )
    .option("--tensorboard", "write event files into the run's folder, for TensorBoard")
    .option("--no-doctor", "do not look for what is wrong with the data, the model and the run")
    .option("--no-telemetry", "take no step that measures itself, layer by layer (telemetry.jsonl)"),
).action(async (file: string | undefined, options: TrainOptions) => {
  const { train } = await import("./train.ts");
  code = await train(file, options);
});

withCommonOptions(
  withWeights(
    program
      .command("evaluate")
      .description("measure a saved run on its validation or test data")
      .argument("<run>", "the folder of a run"),
  ),
).action(async (path: string, options: WeightsOptions) => {
  const { evaluate } = await import("./evaluate.ts");
  code = await evaluate(path, options);
});

withCommonOptions(
  withWeights(
    program
      .command("predict")
      .description("predict the rows of a table with a run that was trained on one")
      .argument("<run>", "the folder of a run")
      .argument("<table>", "a file with the columns of the training table")
      .requiredOption("--out <file.csv>", "write the predictions there"),
  ),
).action(async (path: string, table: string, options: PredictOptions) => {
  const { predictTable } = await import("./predict.ts");
  code = await predictTable(path, table, options);
});

withCommonOptions(
  program
    .command("lr-find")
    .description("train a few steps with a growing learning rate, draw the losses and suggest a rate")
    .argument("<experiment>", "a .ts or .js file that default-exports defineExperiment({ ... })")
    .option("--from <rate>", "first learning rate (default: 1e-7)", positive)
    .option("--to <rate>", "last learning rate (default: 10)", positive)
    .option("--steps <n>", "steps (default: 100)", whole(10))
    .option("--batch-size <n>", "rows in a batch", whole(1))
    .option("--optimizer <name>", `in place of the experiment's: ${optimizerNames.join(", ")}`)
    .option("--seed <n>", "of initial values and order", whole(0))
    .option("--out <file>", "write the curve there, as .svg or .html"),
).action(async (file: string, options: LrFindCommandOptions) => {
  const { lrFindCommand } = await import("./lr-find.ts");
  code = await lrFindCommand(file, options);
});

withCommonOptions(
  program
    .command("compare")
    .description("race optimizers, learning rates and batch sizes under a budget of time and report the best")
    .argument("<experiment>", "a .ts or .js file that default-exports defineExperiment({ ... })")
    .option("--optimizers <names>", `all, or some of ${optimizerNames.join(", ")} with commas between`)
    .option("--rates <list>", "learning rates for all of them (default: usual ones of each)", list(positive))
    .option("--batch-sizes <list>", "default: the experiment's", list(whole(1)))
    .option("--budget <time>", "as in 60s or 5m (default: 60s)", duration)
    .option("--steps <n>", "of the first round, in place of a budget: the same race on any machine", whole(1))
    .option("--epochs <n>", "no trial trains longer (default: the experiment's)", whole(1))
    .option("--seeds <n>", "runs of each of the two best (default: 3)", whole(1))
    .option("--seed <n>", "of the rounds; the two best take those after it (default: 0)", whole(0))
    .option("--target <loss>", "time the way to this loss (default: where the second best ended)", number)
    .option("--parallel <n>", "trials at once (default: a trial a core, up to 8)", whole(1))
    .option("--out <file.html>", "write the report with its curves there")
    .option("--apply", "write the choice into <experiment>.run.json, which nabla train reads"),
).action(async (file: string, options: CompareCommandOptions) => {
  const { compareCommand } = await import("./compare.ts");
  code = await compareCommand(file, options);
});

withCommonOptions(
  program
    .command("doctor")
    .description("say what is wrong with an experiment (after a short training of it) or with a run")
    .argument("<path>", "an experiment file, or the folder of a run")
    .option("--steps <n>", "of each short training (default: 300)", whole(20))
    .option(
      "--fix",
      "try remedies beside the experiment as it is, and write what helps to <experiment>.fixed.ts",
    )
    .option("--seeds <n>", "of --fix: runs of each side (default: 4)", whole(2)),
).action(async (path: string, options: DoctorCommandOptions) => {
  const { doctorCommand } = await import("./doctor.ts");
  code = await doctorCommand(path, options);
});

withCommonOptions(
  program
    .command("augment")
    .description("draw images of an experiment beside what its augmentation makes of them")
    .argument("<experiment>", "a .ts or .js file that default-exports defineExperiment({ ... })")
    .requiredOption("--out <file.png>", "where the sheet goes")
    .option("--rows <n>", "images (default: 8)", whole(1))
    .option("--seed <n>", "of the draws (default: the experiment's)", whole(0)),
).action(async (file: string, options: AugmentCommandOptions) => {
  const { augmentCommand } = await import("./augment.ts");
  code = await augmentCommand(file, options);
});

withOutput(
  program
    .command("report")
    .description("draw a run's curves, mistakes, speed and settings as report.html in its folder")
    .argument("<run>", "the folder of a run")
    .option("--out <file.html>", "write it there"),
).action(async (path: string, options: ReportOptions) => {
  const { reportCommand } = await import("./report.ts");
  code = await reportCommand(path, options);
});

const runs = program.command("runs").description("list runs, or tell two of them apart");

withOutput(
  runs
    .command("list", { isDefault: true })
    .description("list the runs in a folder")
    .argument("[folder]", "default: runs")
    .addOption(
      new Option("--sort <column>", "default: when").choices([
        "name",
        "when",
        "epochs",
        "loss",
        "score",
        "time",
        "device",
        "status",
      ]),
    ),
).action(async (folder: string | undefined, options: RunsOptions) => {
  const { listRuns } = await import("./runs.ts");
  code = await listRuns(folder, options);
});

withOutput(
  runs
    .command("diff")
    .description("tell two runs apart: settings, environment and scores")
    .argument("<a>", "the folder of a run")
    .argument("<b>", "the folder of another"),
).action(async (a: string, b: string, options: CommonOptions) => {
  const { diffRuns } = await import("./runs-diff.ts");
  code = await diffRuns(a, b, options);
});

program
  .command("data")
  .description(
    "show what is in a table (CSV, JSON lines, Parquet) or an array (NPY, NPZ, IDX), and what in it would spoil training",
  )
  .argument("<file>", "the file")
  .option("--target <column>", "what is to be predicted: columns that give it away are named")
  .option("--json", "print one JSON object as the last line of stdout")
  .option("--quiet", "print no tables")
  .option("--debug", "print the stack of an error")
  .action(async (path: string, options: DataCommandOptions) => {
    const { dataCommand } = await import("./data.ts");
    code = await dataCommand(path, options);
  });

program
  .command("card")
  .description("write a model card, in Markdown, from what the folder of a run holds")
  .argument("<run>", "the folder of a run")
  .option("--out <file.md>", "write it there (default: print it)")
  .option("--with <file.json>", "sections to add: intendedUse, limitations, robustness, ... (docs/trust.md)")
  .option("--json", "print one JSON object as the last line of stdout")
  .option("--quiet", "say nothing of the file that was written")
  .option("--debug", "print the stack of an error")
  .action(async (path: string, options: CardOptions) => {
    const { cardCommand } = await import("./card.ts");
    code = await cardCommand(path, options);
  });

program
  .command("info")
  .description("show version, devices, threads and memory")
  .option("--threads <n>", "threads of the cpu device", whole(1))
  .option("--json", "as one JSON object")
  .option("--debug", "print the stack of an error")
  .action(async (options: CommonOptions) => {
    const { info } = await import("./info.ts");
    code = info(options);
  });

const debug = process.argv.includes("--debug") || !["", "0", undefined].includes(process.env.NABLA_DEBUG);

// Our own warnings in one line; those of Node and its loaders are for developers.
process.removeAllListeners("warning").on("warning", (warning) => {
  if (warning.name === "NablaWarning") process.stderr.write(`nabla: warning: ${warning.message}\n`);
  else if (debug) process.stderr.write(`${warning.stack ?? warning.message}\n`);
});

// A reader that has gone (nabla ... | head) is no error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(exitCodes.done);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  // Commander has said what is wrong by now; asking for help or the version ends here too, with 0.
  if (error instanceof CommanderError) code = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  else code = report(error, debug);
}
process.exitCode = code;
