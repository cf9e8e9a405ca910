/** tensorBoard: a run as event files that TensorBoard opens: scalars, histograms of the weights, images, hyper-parameters. */
import type { Dataset } from "../../data/index.ts";
import type { Tensor } from "../../engine/tensor/index.ts";
import {
  EventWriter,
  type HyperParameter,
  hparamsEnd,
  hparamsExperiment,
  hparamsStart,
  type SummaryValue,
} from "../../io/index.ts";
import { ConfigError, optionNames, rejectUnknown, warn } from "../../util/index.ts";
import { type Callback, type EpochRecord, monitors, type Plan, type Run, type Scores } from "../events.ts";
import { wholeNumber } from "../options.ts";
import { usedHyperparameters } from "../used-hyperparameters.ts";
import { filtersPicture, imageShape, rowPicture } from "./picture.ts";
import { StepMeans } from "./step-means.ts";

export interface TensorBoardOptions {
  /** Steps from one set of scalars to the next, at least; default 50. */
  readonly every?: number;
  /** Epochs from one set of histograms of the weights to the next; default 1, false for none. */
  readonly histograms?: number | false;
  /** Data whose first rows are shown where they are images. */
  readonly samples?: Dataset | undefined;
  /** Settings of the run for the table of hyper-parameters; epochs, batch size and the optimizer's own are there anyway. */
  readonly hparams?: Readonly<Record<string, HyperParameter>>;
  /** Told of what could not be written while training goes on; default: a process warning. */
  readonly onFailure?: (error: unknown) => void;
}

const names = optionNames<TensorBoardOptions>({
  every: true,
  histograms: true,
  samples: true,
  hparams: true,
  onFailure: true,
});

const samplesShown = 8;
const seconds = () => Date.now() / 1000;

/**
 * Writes event files into the folder, which a function may name when the run starts. Steps taken are the horizontal axis throughout:
 * `steps/loss` and the other means over rows, `hyperparameters/*`, `speed/*` every so many steps; `train/*` and `validation/*` by epoch;
 * `gradients/*`, `norms/*` and `updates/*` by layer where a step measured itself (the Trainer's `telemetry`).
 *
 * @throws ConfigError for unknown options; `fit` throws FileError where the folder cannot be written when it starts
 * @example new Trainer({ ..., callbacks: [tensorBoard("runs/first/tensorboard", { samples: test })] });
 */
export function tensorBoard(folder: string | (() => string), options: TensorBoardOptions = {}): Callback {
  rejectUnknown("tensorBoard", options, names);
  const { samples, hparams = {}, onFailure = warn, histograms = 1 } = options;
  const every = wholeNumber("tensorBoard", "every", options.every ?? 50, 1);
  const epochs = histograms === false ? null : wholeNumber("tensorBoard", "histograms", histograms, 1);
  for (const [name, value] of Object.entries(hparams)) {
    if (!["number", "string", "boolean"].includes(typeof value))
      throw new ConfigError(
        `tensorBoard: hparams must be numbers, strings or booleans; ${name} is ${typeof value}.`,
      );
  }
  let writer: EventWriter | null = null;
  let lastStep = 0;
  let described = false;
  let plan: Plan | null = null;
  const means = new StepMeans();
  const flush = () => writer?.flush().catch(onFailure);

  /** Once the metrics' names are known. */
  const describe = async (record: EpochRecord, run: Run): Promise<void> => {
    if (described) return;
    described = true;
    const rates = await usedHyperparameters(run);
    const settings = {
      epochs: plan?.epochs ?? 0,
      batchSize: plan?.batchSize ?? 0,
      ...rates,
      ...hparams,
    };
    const tags = monitors(record).map((name) => name.replace(".", "/"));
    writer?.add(0, [
      { tag: "_hparams_/experiment", hparams: hparamsExperiment(settings, tags, seconds()) },
      { tag: "_hparams_/session_start_info", hparams: hparamsStart(settings, seconds()) },
    ]);
  };
  const end = async (success: boolean): Promise<void> => {
    writer?.add(lastStep, [{ tag: "_hparams_/session_end_info", hparams: hparamsEnd(success, seconds()) }]);
    await flush();
  };

  return {
    async start(event) {
      plan = event.plan;
      lastStep = event.position.step;
      described = false;
      writer = new EventWriter(typeof folder === "string" ? folder : folder());
      if (lastStep > 0) writer.restart(lastStep + 1);
      if (samples && lastStep === 0) writer.add(0, await pictures(samples));
      await writer.flush();
    },
    async stepEnd(event, run) {
      means.add(event);
      const { step } = event.position;
      if (step - lastStep < every) return;
      lastStep = step;
      const taken = means.take();
      if (taken === null) return;
      writer?.add(step, [
        ...scalars("steps", taken.train),
        ...scalars("hyperparameters", await usedHyperparameters(run)),
        ...scalars("speed", { samplesPerSecond: taken.samplesPerSecond, waiting: taken.waiting }),
      ]);
    },
    telemetry({ telemetry: { step, layers } }) {
      const values = layers.flatMap(({ path, gradientNorm, weightNorm, updateNorm }) => {
        const name = path === "" ? "model" : path;
        return [
          { tag: `gradients/${name}`, scalar: gradientNorm },
          { tag: `norms/${name}`, scalar: weightNorm },
          ...(weightNorm > 0 ? [{ tag: `updates/${name}`, scalar: updateNorm / weightNorm }] : []),
        ];
      });
      writer?.add(step + 1, values);
    },
    async epochEnd({ record }, run) {
      const { epoch, step, train, validation } = record;
      await describe(record, run);
      writer?.add(step, [...scalars("train", train), ...scalars("validation", validation)]);
      if (epochs !== null && epoch % epochs === 0) writer?.add(step, await weights(run.parameters()));
      void flush();
    },
    rollback({ position }) {
      means.take();
      lastStep = Math.min(lastStep, position.step);
      writer?.restart(position.step + 1);
    },
    pictures: (event) => writer?.add(event.position.step, event.pictures),
    stop: () => end(true),
    error: () => end(false),
  };
}

const scalars = (part: string, scores: Scores | Readonly<Record<string, number>> | null): SummaryValue[] =>
  Object.entries(scores ?? {}).map(([name, scalar]) => ({ tag: `${part}/${name}`, scalar }));

async function pictures(samples: Dataset): Promise<SummaryValue[]> {
  const shape = imageShape(samples.x);
  if (shape === null) return [];
  const rows = Array.from({ length: Math.min(samplesShown, samples.length) }, (_, row) => row);
  return Promise.all(
    rows.map(async (row) => ({ tag: `samples/${row}`, image: await rowPicture(samples, row, shape) })),
  );
}

/** A histogram of each tensor; where the first convolution is over pixels, a picture of its filters. */
async function weights(parameters: Readonly<Record<string, Tensor>>): Promise<SummaryValue[]> {
  const values: SummaryValue[] = [];
  const first = Object.values(parameters).find(({ shape }) => shape.length === 4);
  for (const [path, parameter] of Object.entries(parameters)) {
    const data = await parameter.data();
    const histogram = data instanceof Float32Array ? data : Float32Array.from(data, Number);
    values.push({ tag: `weights/${path}`, histogram });
    const image = parameter === first ? await filtersPicture(histogram, parameter.shape) : null;
    if (image !== null) values.push({ tag: `filters/${path}`, image });
  }
  return values;
}
