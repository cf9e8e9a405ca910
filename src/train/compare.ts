/** compare: races optimizers, learning rates and batch sizes against each other under a budget of time. */
import type { Dataset } from "../data/index.ts";
import type { Module } from "../nn/index.ts";
import type { Optimizer } from "../optim/index.ts";
import { ConfigError } from "../util/index.ts";
import { NotFiniteError } from "./fit.ts";
import { rejectUnknown, wholeNumber } from "./options.ts";
import { treeBytes } from "./state.ts";
import type { Loss } from "./steps.ts";
import { Trainer } from "./trainer.ts";

export interface CompareParts {
  /** Makes a new model each time it is called. */
  readonly model: () => Module;
  readonly loss: Loss;
  readonly train: Dataset;
  /** What decides; default the training data. */
  readonly validation?: Dataset;
}

export interface CompareOptions {
  /** By name, each of a learning rate. */
  readonly optimizers: Readonly<Record<string, (learningRate: number) => Optimizer>>;
  /** For all, or by optimizer. */
  readonly learningRates: readonly number[] | Readonly<Record<string, readonly number[]>>;
  /** Default [32]. */
  readonly batchSizes?: readonly number[];
  /** Seconds for all of it, about. Default 60. */
  readonly budget?: number;
  /** Runs of each finalist; default 3. */
  readonly seeds?: number;
  /** Of each round one in so many goes on; default 3. */
  readonly reduction?: number;
  /** Aborting it ends the race with what is known. */
  readonly signal?: AbortSignal;
  readonly onTrial?: (trial: Trial, round: number, rounds: number) => void;
}

export interface Setting {
  readonly optimizer: string;
  readonly learningRate: number;
  readonly batchSize: number;
}

export interface CurvePoint {
  readonly step: number;
  /** Of training, evaluations aside. */
  readonly seconds: number;
  readonly loss: number;
}

export interface Trial extends Setting {
  /** Measured after each of its rounds. */
  readonly curve: readonly CurvePoint[];
  /** The last; infinite when it diverged. */
  readonly loss: number;
  readonly steps: number;
  readonly seconds: number;
  /** The optimizer's state. */
  readonly stateBytes: number;
  readonly diverged: boolean;
}

export interface Finalist extends Setting {
  /** Of each seed, after equal time. */
  readonly losses: readonly number[];
  readonly mean: number;
  /** Deviation of the losses over seeds. */
  readonly deviation: number;
  readonly steps: number;
}

export interface CompareResult {
  /** All, the best first: later rounds before earlier ones, then by loss. */
  readonly trials: readonly Trial[];
  /** The two best with several seeds, the better first; one when there was one setting, none when interrupted before. */
  readonly finalists: readonly Finalist[];
  readonly winner: Setting;
  /** Whether the two finalists' means differ by no more than twice the deviation of their difference. */
  readonly insideNoise: boolean;
  readonly seconds: number;
}

/** Of the budget, for the rounds; the rest goes to the finalists' seeds. */
const ROUNDS_SHARE = 0.6;

/**
 * Successive halving over every optimizer with each of its learning rates and batch sizes: all train for equal time, the best third goes on
 * for longer, and so on until few are left; then the two best train anew with several seeds for equal time each. A setting whose loss
 * becomes infinite is out. How many steps a time is depends on the machine: with another budget or machine the order may be another.
 *
 * Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", 2016.
 * @throws ConfigError for options out of range, and when every setting diverges; DataError and ShapeError as `fit`.
 * @example
 * const { winner, insideNoise } = await compare(
 *   { model, loss: crossEntropy, train, validation },
 *   { optimizers: { sgd: (rate) => sgd(rate, { momentum: 0.9 }), adam }, learningRates: [1e-3, 1e-2, 1e-1], budget: 60 },
 * );
 */
export async function compare(parts: CompareParts, options: CompareOptions): Promise<CompareResult> {
  const { budget = 60, seeds = 3, reduction = 3, signal, onTrial } = options;
  rejectUnknown("compare", options, [
    "optimizers",
    "learningRates",
    "batchSizes",
    "budget",
    "seeds",
    "reduction",
    "signal",
    "onTrial",
  ]);
  wholeNumber("compare", "seeds", seeds, 1);
  wholeNumber("compare", "reduction", reduction, 2);
  if (!(budget > 0)) throw new ConfigError(`compare: budget must be above 0 seconds; got ${budget}.`);
  const began = performance.now();
  let racers = settingsOf(options).map((setting) => new Racer(parts, options, setting, 0));
  const all = racers;
  const rounds = Math.max(1, Math.ceil(Math.log(racers.length) / Math.log(reduction)));
  for (let round = 1; round <= rounds; round++) {
    const share = (budget * ROUNDS_SHARE) / rounds / racers.length;
    for (const racer of racers) {
      if (signal?.aborted) break;
      await racer.run(share, signal);
      racer.round = round;
      onTrial?.(racer.trial(), round, rounds);
    }
    if (signal?.aborted) break;
    const kept = Math.max(2, Math.ceil(racers.length / reduction));
    racers = [...racers]
      .filter(({ diverged }) => !diverged)
      .sort(byLoss)
      .slice(0, kept);
    if (racers.length === 0) {
      throw new ConfigError("compare: every setting diverged. Give smaller learning rates.");
    }
  }
  const trials = [...all].sort((a, b) => b.round - a.round || byLoss(a, b)).map((racer) => racer.trial());
  const best = trials[0] as Trial;
  const finalists: Finalist[] = [];
  const two = [...racers].sort(byLoss).slice(0, 2);
  const share = (budget * (1 - ROUNDS_SHARE)) / two.length / seeds;
  for (const { setting } of two) {
    if (signal?.aborted) break;
    finalists.push(await finalist(parts, options, setting, share));
  }
  finalists.sort((a, b) => a.mean - b.mean);
  const [first, second] = finalists;
  return {
    trials,
    finalists,
    winner: settingOf(first ?? best),
    insideNoise:
      first !== undefined && second !== undefined && second.mean - first.mean <= 2 * spread(first, second),
    seconds: (performance.now() - began) / 1000,
  };
}

const settingOf = ({ optimizer, learningRate, batchSize }: Setting): Setting => ({
  optimizer,
  learningRate,
  batchSize,
});

const byLoss = (a: Racer, b: Racer): number => a.loss - b.loss;

/** The deviation of the difference of two means. */
const spread = (a: Finalist, b: Finalist): number =>
  Math.sqrt(a.deviation ** 2 / a.losses.length + b.deviation ** 2 / b.losses.length);

function settingsOf({ optimizers, learningRates, batchSizes = [32] }: CompareOptions): Setting[] {
  const names = Object.keys(optimizers);
  if (names.length === 0) throw new ConfigError("compare: there must be an optimizer to race; got none.");
  const settings = names.flatMap((optimizer) => {
    const byName = learningRates as Readonly<Record<string, readonly number[]>>;
    const rates = Array.isArray(learningRates) ? (learningRates as number[]) : byName[optimizer];
    if (rates === undefined || rates.length === 0) {
      throw new ConfigError(`compare: "${optimizer}" must have a learning rate; got none.`);
    }
    for (const rate of rates) {
      if (rate > 0 && Number.isFinite(rate)) continue;
      throw new ConfigError(`compare: learning rates must be above 0; got ${rate} for "${optimizer}".`);
    }
    return rates.flatMap((learningRate) =>
      batchSizes.map((batchSize) => ({ optimizer, learningRate, batchSize })),
    );
  });
  for (const size of batchSizes) wholeNumber("compare", "batchSize", size, 1);
  if (settings.length === 0) throw new ConfigError("compare: there must be a batch size; got none.");
  return settings;
}

/** One setting on its way. */
class Racer {
  readonly setting: Setting;
  readonly #parts: CompareParts;
  readonly #trainer: Trainer;
  readonly #curve: CurvePoint[] = [];
  readonly #stateBytes: number;
  #seconds = 0;
  #left = 0;
  loss = Number.POSITIVE_INFINITY;
  diverged = false;
  round = 0;

  constructor(parts: CompareParts, { optimizers }: CompareOptions, setting: Setting, seed: number) {
    this.setting = setting;
    this.#parts = parts;
    const optimizer = (optimizers[setting.optimizer] as (rate: number) => Optimizer)(setting.learningRate);
    const model = parts.model();
    this.#trainer = new Trainer({
      model,
      loss: parts.loss,
      optimizer,
      seed,
      callbacks: [
        {
          stepEnd: ({ seconds }, run) => {
            this.#seconds += seconds;
            this.#left -= seconds;
            if (this.#left <= 0) run.stop("time");
          },
        },
      ],
    });
    model.init(seed);
    this.#stateBytes = treeBytes(optimizer.init(model.parameters()));
  }

  /** Trains for so many seconds more and measures. */
  async run(seconds: number, signal?: AbortSignal): Promise<void> {
    const { train, validation } = this.#parts;
    const { batchSize } = this.setting;
    this.#left = seconds;
    try {
      await this.#trainer.fit(train, { epochs: 1_000_000, batchSize, signal });
      this.loss = (await this.#trainer.evaluate(validation ?? train)).loss;
    } catch (error) {
      if (!(error instanceof NotFiniteError)) throw error;
      this.loss = Number.POSITIVE_INFINITY;
    }
    this.diverged = !Number.isFinite(this.loss);
    if (this.diverged) this.loss = Number.POSITIVE_INFINITY;
    this.#curve.push({ step: this.#trainer.position.step, seconds: this.#seconds, loss: this.loss });
  }

  trial(): Trial {
    return {
      ...this.setting,
      curve: [...this.#curve],
      loss: this.loss,
      steps: this.#trainer.position.step,
      seconds: this.#seconds,
      stateBytes: this.#stateBytes,
      diverged: this.diverged,
    };
  }
}

async function finalist(
  parts: CompareParts,
  options: CompareOptions,
  setting: Setting,
  seconds: number,
): Promise<Finalist> {
  const { seeds = 3, signal } = options;
  const losses: number[] = [];
  let steps = 0;
  for (let seed = 1; seed <= seeds && !(signal?.aborted && losses.length > 0); seed++) {
    const racer = new Racer(parts, options, setting, seed);
    await racer.run(seconds, signal);
    losses.push(racer.loss);
    steps = racer.trial().steps;
  }
  const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  const squares = losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0);
  const deviation = losses.length > 1 ? Math.sqrt(squares / (losses.length - 1)) : 0;
  return { ...setting, losses, mean, deviation, steps };
}
