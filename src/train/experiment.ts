/** Experiments: what the command line runs, checked field by field before anything else happens. */
import { z } from "zod";
import { Augmenter, Dataset, Preparation, type Sampler } from "../data/index.ts";
import type { Metric, MetricName } from "../metrics/index.ts";
import { Module } from "../nn/index.ts";
import type { Optimizer } from "../optim/index.ts";
import { ConfigError, optionNames, suggestion } from "../util/index.ts";
import type { BatchSize, LearningRateScaling } from "./batch-size.ts";
import type { Callback, Events } from "./events.ts";
import { NoiseScale } from "./noise-scale.ts";
import { type Precision, precisions } from "./precision.ts";
import type { Loss } from "./steps.ts";
import { metricNames } from "./trainer-options.ts";
import { isTrainingData, type TrainingData } from "./training-data.ts";

/** The data of an experiment; `test` is measured where there is no `validation`. */
export interface ExperimentData {
  /** In memory, or a source, loader or stream that the run reads from. */
  readonly train: TrainingData;
  readonly validation?: Dataset;
  readonly test?: Dataset;
  /** How the rows were made of tables: a run keeps it, and `nabla predict` applies it. */
  readonly preparation?: Preparation;
}

export interface Experiment {
  /** Names the run's folder. */
  readonly name: string;
  /** Or a function that makes it: loading is then part of the run. */
  readonly data: ExperimentData | (() => ExperimentData | Promise<ExperimentData>);
  readonly model: Module | (() => Module);
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  readonly metrics?: readonly (MetricName | Metric)[];
  /** Default 10. */
  readonly epochs?: number;
  /** A number, a schedule, `{ byEpoch: schedule }` or `noiseScale(...)`. Default 32. */
  readonly batchSize?: BatchSize;
  /** How learning rates follow a batch size that changes; default "sqrt". */
  readonly learningRateScaling?: LearningRateScaling;
  /** Default 0. */
  readonly seed?: number;
  /** A new order of the rows each epoch; default true. */
  readonly shuffle?: boolean;
  /** Which rows an epoch has, in what order, in place of `shuffle`. */
  readonly sampler?: Sampler;
  /** Threads that make the rows of a `rowSource`; default 0. */
  readonly workers?: number;
  /** Leaves out an epoch's last batch when it is smaller; default false. */
  readonly dropLast?: boolean;
  /** Changes the batches that are trained on: `augment([...])`. */
  readonly augment?: Augmenter;
  readonly callbacks?: readonly Callback[];
  /** Mixed precision: what activations are stored in (docs/precision.md); default "f32". */
  readonly precision?: Precision;
  /** Default: the cpu, or what `--device` says. */
  readonly device?: string;
}

const isFunction = (value: unknown): boolean => typeof value === "function";
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
const isData = (value: unknown): value is ExperimentData => isObject(value) && isTrainingData(value.train);
const isOptimizer = (value: unknown): boolean =>
  isObject(value) && isFunction(value.init) && isFunction(value.update);
const isMetric = (value: unknown): boolean =>
  typeof value === "string"
    ? metricNames.some((name) => name === value)
    : isObject(value) && isFunction(value.init) && isFunction(value.update);
const eventNames = optionNames<Events>({
  start: true,
  epochStart: true,
  noise: true,
  batchSize: true,
  batch: true,
  notFinite: true,
  stepEnd: true,
  telemetry: true,
  evaluate: true,
  epochEnd: true,
  rollback: true,
  pictures: true,
  checkpoint: true,
  stop: true,
  error: true,
});
/** It hears of something; besides it may hold what it likes. */
const isCallback = (value: unknown): boolean => {
  if (!isObject(value)) return false;
  const heard = eventNames.filter((name) => value[name] !== undefined);
  return heard.length > 0 && heard.every((name) => isFunction(value[name]));
};

const isSampler = (value: unknown): boolean =>
  isObject(value) && isFunction(value.order) && isFunction(value.size);
const isLoss = (value: unknown): boolean =>
  isFunction(value) || (typeof value === "object" && value !== null && "at" in value && isFunction(value.at));
const isSize = (value: unknown): boolean =>
  typeof value === "number"
    ? Number.isSafeInteger(value) && value >= 1
    : isFunction(value) || value instanceof NoiseScale || (isObject(value) && isFunction(value.byEpoch));

const whole = (least: number) => z.int().gte(least);

/** Each field with what it must be, in the words of the error. */
const fields = {
  name: [z.string().regex(/^[\w][\w .-]*$/), 'a name of letters, digits, "-", "_" and "."'],
  data: [
    z.custom((value) => isFunction(value) || isData(value)),
    "{ train, validation? } or a function that gives it",
  ],
  model: [
    z.custom((value) => isFunction(value) || value instanceof Module),
    "a Module or a function that makes one",
  ],
  loss: [z.custom(isLoss), "a function such as crossEntropy, or { at }"],
  optimizer: [z.custom(isOptimizer), "an optimizer such as adam(1e-3)"],
  metrics: [
    z.array(z.custom(isMetric)).optional(),
    `a list of metrics (${metricNames.join(", ")}) or of your own`,
  ],
  epochs: [whole(1).optional(), "a whole number of at least 1"],
  batchSize: [
    z.custom((value) => value === undefined || isSize(value)).optional(),
    "a whole number of at least 1, a schedule, { byEpoch: schedule } or noiseScale(...)",
  ],
  learningRateScaling: [z.enum(["linear", "sqrt", "none"]).optional(), '"linear", "sqrt" or "none"'],
  seed: [whole(0).optional(), "a whole number of at least 0"],
  shuffle: [z.boolean().optional(), "true or false"],
  sampler: [
    z.custom((value) => value === undefined || isSampler(value)).optional(),
    "a sampler such as weighted(weights)",
  ],
  workers: [whole(0).optional(), "a whole number of at least 0"],
  dropLast: [z.boolean().optional(), "true or false"],
  augment: [z.instanceof(Augmenter).optional(), "a pipeline made by augment([...])"],
  callbacks: [z.array(z.custom(isCallback)).optional(), "a list of objects with functions by event"],
  precision: [z.enum(precisions).optional(), '"f32", "bf16" or "f16"'],
  device: [z.string().optional(), "the name of a device"],
} as const satisfies Record<keyof Experiment, readonly [z.ZodType, string]>;

const names = Object.keys(fields) as (keyof Experiment)[];
const schema = z.strictObject(
  Object.fromEntries(names.map((name): [string, z.ZodType] => [name, fields[name][0]])),
);

/**
 * Checks an experiment and gives it back. An experiment file default-exports it; `nabla train file.ts` runs it.
 *
 * Throws ConfigError that names a field that is unknown (with the nearest right one), missing or wrong.
 *
 * @example
 * export default defineExperiment({
 *   name: "mnist-mlp",
 *   data: () => mnist(),
 *   model: () => new Sequential(new Linear(784, 128), relu, new Linear(128, 10)),
 *   loss: crossEntropy,
 *   optimizer: adam(1e-3),
 *   metrics: ["accuracy"],
 *   epochs: 3,
 * });
 */
export function defineExperiment(experiment: Experiment): Experiment {
  const parsed = schema.safeParse(experiment);
  if (parsed.success) return experiment;
  const unknown = parsed.error.issues.find((issue) => issue.code === "unrecognized_keys");
  const [key] = unknown?.code === "unrecognized_keys" ? unknown.keys : [];
  if (key !== undefined)
    throw new ConfigError(`experiment: there is no field "${key}".${suggestion(key, names)}`);
  const at = parsed.error.issues[0]?.path ?? [];
  const field = at[0] as keyof Experiment | undefined;
  if (field === undefined)
    throw new ConfigError("experiment: must be an object, made by defineExperiment({ ... }).");
  const [, what] = fields[field];
  if (!(field in experiment))
    throw new ConfigError(`experiment: the field "${field}" is missing; it must be ${what}.`);
  const value = at.reduce<unknown>(
    (part, step) => (part as Record<PropertyKey, unknown>)?.[step],
    experiment,
  );
  const hint = field === "metrics" && typeof value === "string" ? suggestion(value, metricNames) : "";
  throw new ConfigError(`experiment: ${at.join("/")} must be ${what}; got ${describe(value)}.${hint}`);
}

function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "function") return "a function";
  return isObject(value)
    ? `an object with ${Object.keys(value).slice(0, 5).join(", ") || "no fields"}`
    : String(value);
}

/** The experiment's data, made if need be. Throws ConfigError when the function gives something else. */
export async function experimentData(experiment: Experiment): Promise<ExperimentData> {
  const made: unknown = await (typeof experiment.data === "function" ? experiment.data() : experiment.data);
  if (!isData(made)) {
    throw new ConfigError(
      `experiment: data must give { train, validation? } of data sets, as mnist() does (train may be a source, loader or stream); got ${describe(made)}.`,
    );
  }
  for (const part of ["validation", "test"] as const) {
    if (made[part] !== undefined && !(made[part] instanceof Dataset)) {
      throw new ConfigError(
        `experiment: data.${part} must be a data set made by dataset(); got ${describe(made[part])}.`,
      );
    }
  }
  if (made.preparation !== undefined && !(made.preparation instanceof Preparation)) {
    throw new ConfigError(
      `experiment: data.preparation must be made by tabularData(); got ${describe(made.preparation)}.`,
    );
  }
  return made;
}

/** The data itself, for what goes over it in its own way. Throws ConfigError unless it is in memory. */
export function inMemory(op: string, data: TrainingData): Dataset {
  if (data instanceof Dataset) return data;
  throw new ConfigError(`${op}: the training data must be in memory; got a source, loader or stream.`);
}

/** The experiment's model, made if need be. Throws ConfigError when the function gives something else. */
export function experimentModel(experiment: Experiment): Module {
  const model: unknown = experiment.model instanceof Module ? experiment.model : experiment.model();
  if (model instanceof Module) return model as Module;
  throw new ConfigError(
    `experiment: model must give a Module, as new Sequential(...) does; got ${describe(model)}.`,
  );
}
