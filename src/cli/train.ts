/** nabla train: runs an experiment, shows it live and keeps what it made. */

import { dirname, join, resolve } from "node:path";
import type { Dataset } from "../data/index.ts";
import { setDefaultDevice } from "../engine/runtime/index.ts";
import { ensureFolder, type Lock, lockFolder } from "../files/index.ts";
import { hasCheckpoint } from "../io/index.ts";
import {
  type BatchSize,
  type Callback,
  checkpoint,
  type Experiment,
  type ExperimentData,
  experimentData,
  experimentFolds,
  experimentModel,
  type FitOptions,
  type FitResult,
  isBatches,
  type NotFiniteError,
  nanGuard,
  type Precision,
  profiler,
  progress,
  recordRun,
  stepBudget,
  type TabularTask,
  Trainer,
  tensorBoard,
  timeBudget,
  writeReport,
} from "../train/index.ts";
import { ConfigError, InternalError, NablaError } from "../util/index.ts";
import { plotCurve, Series } from "./curve.ts";
import { describeError, exitCodes, UsageError } from "./exit.ts";
import { inFile, loadExperiment, shortPath } from "./load.ts";
import { optimizerByName } from "./optimizers.ts";
import { type CommonOptions, print, printJson, shellWord, useDevice } from "./options.ts";
import { profileText } from "./profile-words.ts";
import { isTable } from "./read-table.ts";
import { newRunFolder, type RunConfig, RunFolder } from "./run-folder.ts";
import { describeRunSettings, readRunSettings, withRunSettings } from "./run-settings.ts";
import { interruptedBy, interruptible } from "./signals.ts";
import { scoreTable, speedLine, summarise } from "./summary.ts";
import { version } from "./version.ts";
import { canBeRepeated, evidenceOf, explainAgain, watch } from "./watch.ts";

export interface TrainOptions extends CommonOptions {
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly lr?: number;
  readonly optimizer?: string;
  readonly seed?: number;
  readonly out?: string;
  readonly resume?: string;
  readonly precision?: Precision;
  readonly tensorboard?: boolean;
  readonly profile?: boolean;
  readonly maxSteps?: number;
  /** Seconds. */
  readonly timeBudget?: number;
  readonly nanGuard?: "rollback" | "stop";
  /** False with --no-doctor. */
  readonly doctor?: boolean;
  /** False with --no-telemetry. */
  readonly telemetry?: boolean;
  /** Of a table: the column to predict, and what kind of prediction that is. */
  readonly target?: string;
  readonly task?: TabularTask | "auto";
  readonly folds?: number;
}

/** What a run is made of, once file, command line and (for a resumed run) its config are put together. */
interface Job {
  readonly file: string;
  readonly experiment: Experiment;
  readonly options: TrainOptions;
  readonly epochs: number;
  readonly batchSize: BatchSize;
  readonly seed: number;
  readonly optimizer: string | null;
  readonly learningRate: number | null;
  readonly nanGuard: RunConfig["nanGuard"];
  readonly precision: Precision;
  /** The run to go on with. */
  readonly resumed: { readonly folder: RunFolder; readonly config: RunConfig } | null;
}

const ofOneRun = { maxSteps: "--max-steps", timeBudget: "--time-budget", nanGuard: "--nan-guard" } as const;

/** Runs the command and gives its exit code. */
export async function train(file: string | undefined, options: TrainOptions): Promise<number> {
  if (options.folds !== undefined) {
    for (const [name, flag] of Object.entries(ofOneRun)) {
      if (options[name as keyof typeof ofOneRun] !== undefined)
        throw new UsageError(`${flag}: is for a single run. Leave it out, or --folds.`);
    }
  }
  if (file !== undefined && isTable(file)) {
    const { trainTable } = await import("./train-table.ts");
    return trainTable(file, options, train);
  }
  for (const name of ["target", "task"] as const) {
    if (options[name] !== undefined) {
      throw new UsageError(`--${name}: is for a table, as in: nabla train houses.csv --target price`);
    }
  }
  const lock: Held = { current: null };
  try {
    const job = await prepare(file, options, lock);
    try {
      if (options.folds !== undefined) return await folds(job, options.folds);
      return await run(job, lock);
    } catch (error) {
      throw inFile(error, shortPath(job.file));
    }
  } finally {
    await lock.current?.release();
  }
}

/** The lock on the run's folder, once there is one: two processes would take each other's checkpoints away. */
interface Held {
  current: Lock | null;
}

async function folds({ experiment, ...job }: Job, count: number): Promise<number> {
  if (job.resumed) throw new UsageError("--folds: cannot go on with a run. Leave out --resume.");
  const { crossValidate } = await import("./folds.ts");
  const { optimizer } = job;
  return crossValidate(
    await experimentFolds(
      {
        ...experiment,
        ...(optimizer !== null && { optimizer: optimizerByName(optimizer, job.learningRate ?? undefined) }),
        epochs: job.epochs,
        batchSize: job.batchSize,
        precision: job.precision,
        seed: job.seed,
      },
      count,
    ),
    job.options,
  );
}

async function prepare(file: string | undefined, options: TrainOptions, lock: Held): Promise<Job> {
  if (file === undefined && options.resume === undefined) {
    throw new UsageError("train: name an experiment file, as in: nabla train examples/mnist-mlp.ts");
  }
  if (options.resume !== undefined && options.out !== undefined) {
    throw new UsageError("--out: a resumed run stays in its folder. Leave out --out, or --resume.");
  }
  if (options.optimizer !== undefined) optimizerByName(options.optimizer, options.lr); // a wrong name ends here
  useDevice(options);
  const resumed = options.resume === undefined ? null : await openRun(options.resume, lock);
  const config = resumed?.config;
  const path = file ?? resumed?.folder.experimentFile(resumed.config) ?? "";
  const experiment = await loadExperiment(path);
  if (options.device === undefined && experiment.device !== undefined) setDefaultDevice(experiment.device);
  // A resumed run goes on with what it began with.
  const settings = config === undefined ? await readRunSettings(path) : null;
  const chosen = withRunSettings(options, settings);
  if (settings !== null) print(options, describeRunSettings(path, settings, chosen));
  return {
    file: path,
    experiment,
    options,
    epochs: options.epochs ?? config?.epochs ?? experiment.epochs ?? 10,
    batchSize: options.batchSize ?? config?.batchSize ?? chosen.batchSize ?? experiment.batchSize ?? 32,
    seed: options.seed ?? config?.seed ?? experiment.seed ?? 0,
    optimizer: options.optimizer ?? config?.optimizer ?? chosen.optimizer ?? null,
    learningRate: options.lr ?? config?.learningRate ?? chosen.learningRate ?? null,
    nanGuard: options.nanGuard ?? config?.nanGuard ?? null,
    precision: options.precision ?? config?.precision ?? experiment.precision ?? "f32",
    resumed,
  };
}

/** A run that can be gone on with. Throws ConfigError when it has saved nothing yet. */
async function openRun(path: string, lock: Held): Promise<{ folder: RunFolder; config: RunConfig }> {
  const folder = new RunFolder(path);
  const config = await folder.config();
  lock.current = await lockFolder(folder.path, "the run");
  if (await hasCheckpoint(folder.checkpoint)) return { folder, config };
  throw new ConfigError(`${shortPath(folder.path)}: holds no checkpoint to resume from. Start the run anew.`);
}

async function run(job: Job, lock: Held): Promise<number> {
  const { experiment, options, resumed, epochs } = job;
  const data = await experimentData(experiment);
  const model = experimentModel(experiment);
  const curve = new Series();
  const made: { folder: RunFolder | null } = { folder: resumed?.folder ?? null };
  const parts = {
    loss: experiment.loss,
    optimizer: job.optimizer
      ? optimizerByName(job.optimizer, job.learningRate ?? undefined)
      : experiment.optimizer,
    metrics: experiment.metrics ?? [],
    seed: job.seed,
    precision: job.precision,
  };
  const setRate = resumed ? options.lr : job.optimizer ? undefined : options.lr;
  const onFailure = (error: unknown): void => warn(error, "training goes on");
  const explain = async (failure: NotFiniteError): Promise<string> => {
    if (!canBeRepeated(experiment, data)) return "";
    return explainAgain(failure, {
      trainer: (callbacks) =>
        new Trainer({ ...parts, model: experimentModel(experiment), debug: true, callbacks }),
      train: async (again) => {
        if (setRate !== undefined) await again.set("learningRate", setRate);
        await again.fit(data.train, fitOptions(job, data));
      },
      checkpoint: folderOf(made).checkpoint,
    });
  };
  const trainer: Trainer = new Trainer({
    ...parts,
    model,
    debug: options.debug ?? false,
    ...(options.telemetry === false && { telemetry: false }),
    callbacks: [
      {
        name: "run folder",
        // After all checks and before any work, so that a wrong experiment leaves no folder and an unwritable one costs no time.
        async start({ plan, history }, run) {
          const folder = made.folder ?? (await newRunFolder(experiment.name, options.out));
          if (!resumed) await ensureFolder(folder.path);
          lock.current ??= await lockFolder(folder.path, "the run");
          made.folder = folder;
          if (resumed) {
            const { learningRate, nanGuard } = job;
            await folder.writeConfig({ ...resumed.config, epochs, learningRate, nanGuard });
            await folder.writeHistory(history);
          } else await folder.begin(configOf(job, folder, plan.device));
          run.keptIn(folder.path);
          if (data.preparation) await folder.writePreparation(data.preparation);
        },
        stepEnd: ({ recent, rows }) => curve.add(recent.loss, rows),
      },
      ...(experiment.callbacks ?? []),
      ...limits(job),
      ...(options.quiet ? [] : [progress()]),
      ...(options.doctor === false
        ? []
        : watch(await evidenceOf({ ...experiment, model, seed: job.seed }, data), {
            quiet: options.quiet ?? false,
            telemetry: options.telemetry !== false,
            folder: () => folderOf(made).path,
            explain,
            onFailure,
          })),
      checkpoint(() => folderOf(made).checkpoint, {
        keep: { last: 2 }, // should the newest be damaged
        onFailure,
      }),
      recordRun(() => made.folder?.path ?? "", { cwd: dirname(resolve(job.file)), onFailure }),
      ...(options.profile ? [profiled(job, made)] : []),
      ...(options.tensorboard ? [events(job, () => made.folder, data.validation ?? data.test)] : []),
      {
        name: "history",
        epochEnd: ({ record }) =>
          made.folder?.appendHistory(record).catch((error: unknown) => warn(error, "training goes on")),
        rollback: ({ history }) => made.folder?.writeHistory(history),
        stop: () => made.folder?.writeHistory(trainer.history),
      },
    ],
  });
  if (resumed) {
    await trainer.resume(resumed.folder.checkpoint);
    const { epoch } = trainer.position;
    if (epoch >= epochs) {
      throw new ConfigError(
        `${shortPath(resumed.folder.path)}: all ${epoch} epochs are done. To go on give more: --epochs ${2 * epoch}`,
      );
    }
  }
  if (setRate !== undefined) await trainer.set("learningRate", setRate);
  const validation = data.validation ?? data.test;
  try {
    return await interruptible(async (signal) => {
      const result = await trainer.fit(data.train, { ...fitOptions(job, data), validation, signal });
      const folder = folderOf(made);
      const path = shortPath(folder.path);
      await finish(job, folder, result, curve, () => {
        const measured = validation && result.reason !== "interrupted";
        const target = data.preparation?.target;
        const classes = target?.kind === "classes" ? target.classes : undefined;
        return writeReport(folder.path, measured ? { trainer, validation, classes } : undefined);
      });
      if (result.reason !== "interrupted") return exitCodes.done;
      // Said even when quiet: without it nobody knows how to go on.
      process.stderr.write(
        `saved after step ${trainer.position.step}. Go on with: nabla train --resume ${shellWord(path)}\n`,
      );
      return interruptedBy(signal);
    });
  } catch (error) {
    const kept = made.folder;
    // Its report says why, as far as the doctor knows.
    if (kept) await writeReport(kept.path).catch(() => undefined);
    if (error instanceof NablaError && kept && (await hasCheckpoint(kept.checkpoint).catch(() => false))) {
      error.message += ` What was saved before is whole: nabla train --resume ${shellWord(shortPath(kept.path))}`;
    }
    throw error;
  }
}

/** What the command line has end a run, or save it from its end. */
function limits({ options: { maxSteps, timeBudget: seconds }, nanGuard: action }: Job): Callback[] {
  return [
    ...(action === null ? [] : [nanGuard({ action })]),
    ...(maxSteps === undefined ? [] : [stepBudget(maxSteps)]),
    ...(seconds === undefined ? [] : [timeBudget(seconds)]),
  ];
}

/** How an experiment's rows are trained. */
function fitOptions({ experiment, options, epochs, batchSize }: Job, data: ExperimentData): FitOptions {
  const { shuffle, sampler, workers, dropLast, learningRateScaling, augment } = experiment;
  // A loader or stream has a batch size of its own, which only what was asked for can contradict.
  const asked =
    !isBatches(data.train) || options.batchSize !== undefined || experiment.batchSize !== undefined;
  const given = { shuffle, sampler, workers, dropLast, learningRateScaling, augment };
  return { epochs, batchSize: asked ? batchSize : undefined, ...given };
}

/** Event files in the run's folder. */
function events(job: Job, folder: () => RunFolder | null, samples: Dataset | undefined): Callback {
  const { seed, optimizer } = job;
  return tensorBoard(() => join(folder()?.path ?? "", "tensorboard"), {
    samples,
    hparams: { seed, ...(optimizer !== null && { optimizer }) },
    onFailure: (error) => warn(error, "training goes on"),
  });
}

/** Keeps a profile in the run's folder, and shows it. */
function profiled({ options }: Job, made: { readonly folder: RunFolder | null }): Callback {
  return profiler({
    folder: () => folderOf(made).path,
    onProfile: (profile) => {
      for (const line of profileText(profile)) print(options, line);
    },
    onFailure: (error) => warn(error, "the run itself is whole"),
  });
}

function folderOf({ folder }: { readonly folder: RunFolder | null }): RunFolder {
  if (folder === null) throw new InternalError("train: the run has no folder after its start");
  return folder;
}

function configOf(job: Job, folder: RunFolder, device: string): RunConfig {
  const { experiment, epochs, batchSize, seed, optimizer, learningRate, nanGuard, precision } = job;
  return {
    nabla: version,
    name: experiment.name,
    experiment: folder.reference(job.file),
    started: new Date().toISOString(),
    epochs,
    batchSize: typeof batchSize === "number" ? batchSize : null,
    seed,
    optimizer,
    learningRate,
    nanGuard,
    precision,
    device,
  };
}

async function finish(
  job: Job,
  folder: RunFolder,
  result: FitResult,
  curve: Series,
  draw: () => Promise<string>,
): Promise<void> {
  const { options } = job;
  const path = shortPath(folder.path);
  const summary = summarise(path, result);
  await folder.writeSummary(summary);
  await draw().catch((error: unknown) => warn(error, "the run itself is whole"));
  print(options, scoreTable(result));
  print(options, plotCurve("training loss", curve.values));
  print(options, speedLine(result));
  print(options, `saved in ${path}`);
  printJson(options, summary);
}

function warn(error: unknown, consequence: string): void {
  process.stderr.write(`nabla: warning: ${describeError(error)} (${consequence})\n`);
}
