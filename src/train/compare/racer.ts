/** One setting in training: goes on to an exact step, the same bits as the Trainer's however it is divided, and measures. */
import { type Augmenter, type Dataset, deviceRows, permutation, toTensor } from "../../data/index.ts";
import { defaultDevice } from "../../engine/runtime/index.ts";
import { tensor } from "../../engine/tensor/index.ts";
import { type Metric, meanLoss } from "../../metrics/index.ts";
import type { Module } from "../../nn/index.ts";
import type { Optimizer } from "../../optim/index.ts";
import { sizeOf } from "../../util/index.ts";
import { Chunks } from "../chunks.ts";
import { Evaluator, type Placed } from "../evaluate.ts";
import { Shown } from "../shown.ts";
import { counter, firstState, freshMetrics, never, type TrainState, treeBytes } from "../state.ts";
import { type Loss, type Parts, type TrainStep, trainStep } from "../steps.ts";
import type { CurvePoint } from "./result.ts";

export interface CompareParts {
  /** Makes a new model each time it is called. */
  readonly model: () => Module;
  readonly loss: Loss;
  readonly train: Dataset;
  /** Changes the batches that are trained on. */
  readonly augment?: Augmenter | undefined;
  /** What decides; default the training data. */
  readonly validation?: Dataset;
  /** A new order of the rows each epoch; default true. */
  readonly shuffle?: boolean;
  /** Leaves out an epoch's last batch when it is smaller; default false. */
  readonly dropLast?: boolean;
}

/** The data on the device, which all trials of a lane share. */
export interface PlacedParts {
  readonly train: Placed;
  readonly validation: Placed;
}

export function placeParts({ train, validation = train }: CompareParts): PlacedParts {
  const device = defaultDevice().name;
  const place = ({ x, y }: Dataset): Placed => ({ x: deviceRows(x, device), y: toTensor(y, device) });
  const placed = place(train);
  return { train: placed, validation: validation === train ? placed : place(validation) };
}

/** The steps that train on `rows` rows, those of later epochs counted again. */
export function stepsFor(rows: number, batchSize: number, perEpoch: number, dropLast = false): number {
  const batches = dropLast ? Math.floor(perEpoch / batchSize) : Math.ceil(perEpoch / batchSize);
  const within = Math.ceil((rows % perEpoch) / batchSize);
  return Math.floor(rows / perEpoch) * batches + Math.min(within, batches);
}

export class Racer {
  readonly #parts: Parts;
  readonly #data: CompareParts;
  readonly #placed: PlacedParts;
  readonly #batchSize: number;
  readonly #seed: number;
  readonly #device = defaultDevice().name;
  readonly #steps = new Map<number, TrainStep>();
  readonly #chunks = new Chunks();
  readonly #evaluator: Evaluator;
  readonly #shown: Shown;
  #state: TrainState | null = null;
  #step = 0;
  #trained = 0;
  #evaluated = 0;
  #diverged = false;

  constructor(
    parts: CompareParts,
    placed: PlacedParts,
    optimizer: Optimizer,
    { batchSize, seed }: { readonly batchSize: number; readonly seed: number },
  ) {
    const model = parts.model();
    const metrics = [meanLoss() as Metric];
    this.#parts = {
      model,
      loss: parts.loss,
      optimizer,
      metrics,
      matmulPrecision: "f32",
      augment: parts.augment,
    };
    this.#data = parts;
    this.#batchSize = Math.min(batchSize, parts.train.length);
    this.#seed = seed;
    this.#evaluator = new Evaluator(this.#parts, this.#device);
    this.#placed = placed;
    this.#shown = new Shown(model, true);
  }

  get diverged(): boolean {
    return this.#diverged;
  }

  /** Seconds of training and of measuring so far, compilation aside. */
  get times(): { readonly trained: number; readonly evaluated: number } {
    return { trained: this.#trained, evaluated: this.#evaluated };
  }

  /** Bytes of the optimizer's state, and how many numbers are trained. */
  async size(): Promise<{ readonly stateBytes: number; readonly parameters: number }> {
    const { optimizer, params } = await this.#ready();
    const parameters = Object.values(params).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    return { stateBytes: treeBytes(optimizer), parameters };
  }

  /** Trains until it has seen `rows` rows in all; false when the signal ended it before. */
  async train(rows: number, signal?: AbortSignal): Promise<boolean> {
    const { train, dropLast, shuffle = true } = this.#data;
    const goal = stepsFor(rows, this.#batchSize, train.length, dropLast);
    const batches = stepsFor(train.length, this.#batchSize, train.length, dropLast);
    await this.#ready();
    while (this.#step < goal && !this.#diverged) {
      const epoch = Math.floor(this.#step / batches);
      const order = shuffle
        ? permutation(train.length, this.#seed, epoch)
        : Int32Array.from({ length: train.length }, (_, row) => row);
      if (!(await this.#epoch(order, Math.min(goal, (epoch + 1) * batches), epoch * batches, signal)))
        return false;
    }
    return true;
  }

  /** The steps from where it is to `end`, all of one epoch, which began with step `first`. */
  async #epoch(rows: Int32Array, end: number, first: number, signal?: AbortSignal): Promise<boolean> {
    const order = tensor(rows, { dtype: "i32", device: this.#device });
    const data = { ...this.#placed.train, order };
    const full = first + Math.floor(rows.length / this.#batchSize);
    try {
      while (this.#step < end && !this.#diverged) {
        if (signal?.aborted) return false;
        const whole = this.#step < full;
        const size = whole ? this.#batchSize : rows.length % this.#batchSize;
        const count = whole ? this.#chunks.next(Math.min(end, full) - this.#step) : 1;
        await this.#run(size, count, (this.#step - first) * this.#batchSize, data, whole);
      }
      return true;
    } finally {
      order.dispose();
    }
  }

  async #run(
    size: number,
    count: number,
    cursor: number,
    data: Parameters<TrainStep>[1],
    whole: boolean,
  ): Promise<void> {
    const { metrics } = this.#parts;
    let state: TrainState = {
      ...(await this.#ready()),
      cursor: counter(cursor, this.#device),
      metrics: freshMetrics(metrics, this.#device),
    };
    let step = this.#steps.get(size);
    if (step === undefined) {
      step = trainStep(this.#parts, size);
      this.#steps.set(size, step);
      step.planFor(state, data); // compiled here, so that its time is none of the training's
    }
    const began = performance.now();
    [state] = await step.repeat(count, state, data);
    this.#state = state;
    this.#step += count;
    const failed = await state.failed.item();
    const seconds = (performance.now() - began) / 1000;
    this.#trained += seconds;
    if (whole) this.#chunks.note(count, seconds);
    if (failed !== never) this.#diverged = true;
  }

  /** The loss on the validation data now. */
  async measure(): Promise<CurvePoint> {
    const state = await this.#ready();
    let loss = Number.POSITIVE_INFINITY;
    if (!this.#diverged) {
      const { train, validation } = this.#placed;
      const began = performance.now();
      loss = (await this.#evaluator.scores(await this.#shown.of(state, train), this.#step, validation)).loss;
      this.#evaluated += (performance.now() - began) / 1000;
      if (!Number.isFinite(loss)) {
        this.#diverged = true;
        loss = Number.POSITIVE_INFINITY;
      }
    }
    return { step: this.#step, seconds: this.#trained, loss };
  }

  async #ready(): Promise<TrainState> {
    const { model, optimizer, metrics } = this.#parts;
    this.#state ??= await firstState(model, optimizer, metrics, this.#seed, this.#device);
    return this.#state;
  }
}
