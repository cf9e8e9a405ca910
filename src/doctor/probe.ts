/** probe: a short training of an experiment, watched closely. */
import { Dataset, permutation } from "../data/index.ts";
import { hyperparameters } from "../optim/index.ts";
import {
  type EpochRecord,
  type Experiment,
  type ExperimentData,
  experimentModel,
  firstBatchSize,
  lrFind,
  NotFiniteError,
  type Profile,
  profiler,
  type Telemetry,
  Trainer,
} from "../train/index.ts";
import { ConfigError, DataError } from "../util/index.ts";
import type { Evidence, Failure, RangeFacts, Settings } from "./evidence.ts";
import { Unrest } from "./unrest.ts";

export interface ProbeOptions {
  /** Training steps, about. Default 300. */
  readonly steps?: number;
  /** Also times its kernels, and measures what the machine can do: half a second and 200 MB for a while. Default false. */
  readonly profile?: boolean;
  readonly signal?: AbortSignal;
}

const SAMPLES = 60;
/** Of its steps, after which its loss is looked at. */
const LOOKS = [0.7, 0.8, 0.9];
const MOST_VALIDATION = 2048;

/** Steps a failed probe is taken again, watching every operation. */
const MOST_AGAIN = 400;

type Probed = Pick<Evidence, "settings" | "telemetry" | "history" | "failure" | "profile" | "looks">;

/**
 * Trains a fresh model for about `steps` steps. Of many rows it takes a part, so that an epoch ends within the budget. A loss that is not
 * finite is a finding, not an error. Throws what `fit` throws else.
 */
export async function probe(
  experiment: Experiment,
  data: ExperimentData,
  options: ProbeOptions = {},
): Promise<Probed> {
  const { steps = 300 } = options;
  const batchSize = firstBatchSize(experiment.batchSize ?? 32);
  const { train, validation, partOfRows } = sized(experiment, data, steps * batchSize);
  const rows = train instanceof Dataset ? train.length : null;
  const epochs = rows === null ? 1000 : Math.max(1, Math.round(steps / Math.ceil(rows / batchSize)));
  const taken = rows === null ? steps : epochs * Math.ceil(rows / batchSize);
  const looksAt = LOOKS.map((share) => Math.floor(share * taken));
  const run = async (debug: boolean): Promise<Omit<Probed, "settings">> => {
    const telemetry: Telemetry[] = [];
    const history: EpochRecord[] = [];
    let profile: Profile | null = null;
    const unrest = new Unrest((step) => looksAt.find((at) => at > step) ?? null);
    const timed = profiler({
      onProfile: (found) => {
        profile = found;
      },
    });
    const trainer: Trainer = new Trainer({
      model: experimentModel(experiment),
      loss: experiment.loss,
      optimizer: experiment.optimizer,
      metrics: experiment.metrics ?? [],
      seed: experiment.seed ?? 0,
      telemetry: { every: Math.max(1, Math.floor(steps / SAMPLES)) },
      debug,
      callbacks: [
        ...(options.profile === true && !debug ? [timed] : []),
        {
          name: "probe",
          start: ({ position }, run) => unrest.begin(position.step, run),
          telemetry(event) {
            telemetry.push(event.telemetry);
            unrest.hear(event.telemetry);
          },
          epochEnd: ({ record }) => void history.push(record),
          // Of what is not in memory the length may not be known.
          async stepEnd({ position }, run) {
            if (!debug) await unrest.look(position.step, batchSize, run);
            if (rows === null && position.step >= steps) run.stop("the probe's steps are done");
          },
        },
      ],
    });
    try {
      await trainer.fit(train, {
        epochs,
        ...(rows !== null && { batchSize: experiment.batchSize ?? 32 }),
        learningRateScaling: experiment.learningRateScaling,
        augment: experiment.augment,
        validation,
        shuffle: experiment.shuffle,
        sampler: experiment.sampler,
        workers: experiment.workers,
        dropLast: experiment.dropLast,
        signal: options.signal,
      });
      return { telemetry, history, failure: null, profile, looks: unrest.looks };
    } catch (error) {
      if (!(error instanceof NotFiniteError)) throw error;
      const { step, operation } = error;
      return { telemetry, history, failure: { step, operation }, profile, looks: unrest.looks };
    }
  };
  const done = await run(false);
  const failure = done.failure && (await explained(experiment, done.failure, run));
  const state = experiment.optimizer.init(await parametersOf(experiment));
  const settings: Settings = {
    learningRate: await rateOf(experiment, state),
    weightDecay: (await hyperparameters(state).weightDecay?.item()) ?? null,
    batchSize: typeof (experiment.batchSize ?? 32) === "number" ? batchSize : null,
    shuffled: experiment.sampler !== undefined || (experiment.shuffle ?? true),
    partOfRows,
  };
  return { ...done, failure, settings };
}

/** Named by a second run to the same bits, where the model can be made anew and that is short. */
async function explained(
  experiment: Experiment,
  failure: Failure,
  run: (debug: boolean) => Promise<Omit<Probed, "settings">>,
): Promise<Failure> {
  if (typeof experiment.model !== "function" || failure.step > MOST_AGAIN) return failure;
  return (await run(true)).failure ?? failure;
}

async function parametersOf(experiment: Experiment) {
  const model = experimentModel(experiment);
  if (typeof experiment.model === "function") model.init(experiment.seed ?? 0);
  return model.parameters();
}

async function rateOf(experiment: Experiment, state: ReturnType<Experiment["optimizer"]["init"]>) {
  const scheduled = (optimizer: Experiment["optimizer"]): boolean =>
    optimizer.traits?.schedules?.learningRate !== undefined ||
    (optimizer.traits?.parts ?? []).some(scheduled);
  if (scheduled(experiment.optimizer)) return null;
  return (await hyperparameters(state).learningRate?.item()) ?? null;
}

/** Data for a short training: at least three epochs within `budget` rows. */
export function sized(
  experiment: Experiment,
  data: ExperimentData,
  budget: number,
): Pick<ExperimentData, "train" | "validation"> & { partOfRows: boolean } {
  const whole = data.validation ?? data.test;
  const validation = whole && whole.length > MOST_VALIDATION ? evenly(whole, MOST_VALIDATION) : whole;
  const { train } = data;
  const most = Math.max(64, Math.floor(budget / 3));
  if (!(train instanceof Dataset) || train.length <= most) return { train, validation, partOfRows: false };
  // Where the order counts it stays; else the part is drawn, as an epoch's order is.
  const ordered = experiment.shuffle === false || experiment.sampler !== undefined;
  const part = ordered
    ? evenly(train, most)
    : train.select(permutation(train.length, experiment.seed ?? 0).subarray(0, most));
  return { train: part, validation, partOfRows: true };
}

const evenly = (data: Dataset, count: number): Dataset =>
  data.select(Array.from({ length: count }, (_, i) => Math.floor((i * data.length) / count)));

/** The learning-rate range test; null where the rate follows a schedule or the data is not in memory, and where the test itself fails. */
export async function rangeFacts(
  experiment: Experiment,
  data: ExperimentData,
  signal?: AbortSignal,
): Promise<RangeFacts | null> {
  if (!(data.train instanceof Dataset) || typeof experiment.model !== "function") return null;
  const { loss, optimizer, augment, seed = 0 } = experiment;
  try {
    const { points, suggestion, fall, reason } = await lrFind(
      { model: experimentModel(experiment), loss, optimizer, augment, seed },
      data.train,
      { batchSize: firstBatchSize(experiment.batchSize ?? 32), signal, from: 1e-6, to: 30 },
    );
    return {
      suggestion: fall > 0.15 ? suggestion : null, // where the loss hardly falls, the test says little
      divergedAt: reason === "diverged" ? (points.at(-1)?.learningRate ?? null) : null,
    };
  } catch (error) {
    if (error instanceof ConfigError || error instanceof DataError) return null;
    throw error;
  }
}
