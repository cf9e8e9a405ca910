/** Trainer: fit, evaluate, predict, save, load and resume for a model, a loss and an optimizer. */
import { type ArrayLike, type Augmenter, Dataset, deviceRows, toHostArray, toTensor } from "../data/index.ts";
import { defaultDevice, getDevice } from "../engine/runtime/index.ts";
import { Tensor } from "../engine/tensor/index.ts";
import { copyTree, type Keep, loadCheckpoint, modelTensors, restoreTree } from "../io/index.ts";
import { type Metric, meanLoss } from "../metrics/index.ts";
import { type InitReport, initFrom, type Module, revisionOf } from "../nn/index.ts";
import { hyperparameters, scheduleNotes, setHyperparameter } from "../optim/index.ts";
import { ConfigError, DataError, sizeOf } from "../util/index.ts";
import { adopt, same, sameKeys } from "./adopt.ts";
import { batching, epochOf } from "./batch-size.ts";
import { type CallbackStates, Callbacks } from "./callbacks.ts";
import { checkFit } from "./check.ts";
import { Debug } from "./debug.ts";
import { Evaluator, type Placed } from "./evaluate.ts";
import type { EpochRecord, Events, Plan, Position, Run, Scores } from "./events.ts";
import { type Feed, feedOf } from "./fed.ts";
import { type Live, runEpochs } from "./fit.ts";
import { type LoadOptions, partialHint, weightsOf } from "./load.ts";
import { NoiseMeter } from "./noise-step.ts";
import { rejectUnknown, wholeNumber } from "./options.ts";
import { checkPrecision, readPrecision } from "./precision.ts";
import { Programs } from "./programs.ts";
import { scalarReader } from "./read-scalars.ts";
import { checkResumed, type Resumed, readManifest } from "./resume.ts";
import { RunControl } from "./run.ts";
import { Savepoints } from "./savepoints.ts";
import { type Content, Saves } from "./saves.ts";
import { hasStatistics, Shown, splitCheckpoint } from "./shown.ts";
import { Snapshots } from "./snapshots.ts";
import { firstState, type TrainState, treeBytes, type Values } from "./state.ts";
import type { Parts } from "./steps.ts";
import { Telemeter } from "./telemetry.ts";
import { type TelemetrySteps, telemetrySteps } from "./telemetry-steps.ts";
import { Terrain } from "./terrain.ts";
import {
  checkParts,
  type FitOptions,
  type FitResult,
  fitOptionNames,
  type TrainerOptions,
  toMetric,
} from "./trainer-options.ts";
import { checkDataset, rowsToTrain, type TrainingData } from "./training-data.ts";

/**
 * Trains a model on data in memory, by compiled steps that run many to a native call.
 *
 * Equal seeds give equal bits, whatever the number of threads and however often progress is shown. The model's parameters are
 * the truth: what `model.load` sets between two calls is taken over.
 *
 * Throws ConfigError for unknown or wrong options.
 *
 * @example
 * const trainer = new Trainer({ model, loss: crossEntropy, optimizer: adam(1e-3), metrics: ["accuracy"] });
 * await trainer.fit(train, { epochs: 3, batchSize: 32, validation: test });
 * console.log(await trainer.evaluate(test)); // { loss, accuracy }
 */
export class Trainer {
  readonly model: Module;
  readonly seed: number;
  readonly device: string;
  #parts: Parts;
  readonly #callbacks: Callbacks;
  readonly #debug: boolean;
  readonly #telemetrySteps: TelemetrySteps | null;
  #telemeter: Telemeter | null = null;
  readonly #shown: Shown;
  #evaluator: Evaluator;
  readonly #programs = new Programs();
  readonly #readScalars = scalarReader();
  readonly #placed = new WeakMap<Dataset, Placed>();
  #revision: number;
  #live: Live | null = null;
  #resumed: Resumed | null = null;
  /** What the checkpoint says of callbacks, until `fit` gives it to them. */
  #callbackStates: CallbackStates | null = null;
  /** The last one of each callback that has a name, and the epoch it is of. */
  readonly #snapshots = new Snapshots();
  readonly #savepoints = new Savepoints();
  readonly #saves = new Saves();
  #run: Resumed | null = null;
  /** What the model was given last: other values in it were set by the user since. */
  #published: Values | null = null;
  /** The training data of the fit under way. */
  #train: Placed | null = null;
  #fitting = false;

  constructor(options: TrainerOptions) {
    checkParts(options);
    const { model, loss, optimizer, callbacks = [], seed = 0, debug = false } = options;
    this.model = model;
    this.seed = wholeNumber("Trainer", "seed", seed, 0);
    this.device = options.device === undefined ? defaultDevice().name : getDevice(options.device).name;
    this.#parts = {
      model,
      loss,
      optimizer,
      metrics: [meanLoss() as Metric, ...(options.metrics ?? []).map(toMetric)],
      ...readPrecision(options.precision, options.matmulPrecision),
    };
    this.#callbacks = new Callbacks(callbacks);
    this.#debug = debug;
    this.#telemetrySteps = telemetrySteps(options.telemetry, callbacks);
    this.#shown = new Shown(model, options.evaluateAverages ?? true);
    this.#evaluator = new Evaluator(this.#parts, this.device);
    this.#revision = revisionOf(model);
  }

  /** What each epoch reached so far. */
  get history(): readonly EpochRecord[] {
    return this.#live?.history ?? [];
  }

  get position(): Position {
    return this.#live?.position ?? beginning;
  }

  /**
   * Trains for `epochs` more epochs (after `resume`: up to `epochs`), and leaves the trained values in the model. Data in memory is the
   * fastest; a `Source`, a loader or a stream is read batch by batch while steps run, to the same bits. A loader or stream has its own
   * batch size and order.
   *
   * Throws before the first step: ShapeError naming the layer, DataError naming the row of a label out of range, ConfigError for
   * options; on the way: DataError when the loss is NaN or infinite, and what callbacks throw.
   */
  async fit(train: TrainingData, options: FitOptions): Promise<FitResult> {
    rejectUnknown("fit", options, fitOptionNames);
    if (this.#fitting) throw new ConfigError("fit: this trainer is already training. Await the first call.");
    this.#fitting = true;
    try {
      return await this.#fit(train, options);
    } finally {
      this.#fitting = false;
    }
  }

  async #fit(given: TrainingData, options: FitOptions): Promise<FitResult> {
    const { validation, signal } = options;
    const wanted = wholeNumber("fit", "epochs", options.epochs, 1);
    this.#augmentBy(options.augment);
    const live = await this.#prepared();
    const train = rowsToTrain(given, options, this.seed);
    const { rows, dropLast, order, shuffle } = train;
    const epochs = this.#resumed ? wanted : live.position.epoch + wanted;
    const sizes = batching(
      train.batchSize,
      options.learningRateScaling ?? "sqrt",
      { epochs, rows, dropLast },
      live.position,
      Object.keys(hyperparameters(live.state.optimizer)),
    );
    const batchSize = sizes.base;
    if (dropLast && rows < batchSize) {
      throw new DataError(
        `fit: with dropLast there must be a whole batch; got ${rows} rows and batchSize ${batchSize}.`,
      );
    }
    const { memory, batches } = train;
    if (batches !== null && this.#shown.averages(live.state) && hasStatistics(this.model)) {
      throw new ConfigError(
        "fit: averages of a model with batch norm need its statistics measured anew, over data in memory; got other data. Give evaluateAverages: false to the Trainer.",
      );
    }
    const feed = batches && (await feedOf(this.#parts, batches, live.position.epoch));
    if (memory) await checkFit(this.#parts, memory, batchSize, "the training data");
    if (validation) {
      checkDataset("fit: the validation data", validation);
      await checkFit({ ...this.#parts, augment: undefined }, validation, batchSize, "the validation data");
    }
    const run: Resumed = {
      seed: this.seed,
      rows,
      batchSize: sizes.key,
      shuffle,
      dropLast,
      ...(order !== null && { order }),
      ...(this.#parts.precision !== "f32" && { precision: this.#parts.precision }),
    };
    if (this.#resumed) checkResumed(this.#resumed, run, live.position);
    const epoch = epochOf(rows, sizes, dropLast);
    const plan: Plan = {
      epochs,
      batchSize,
      rows,
      ...epoch,
      parameters: Object.values(live.state.params).reduce((sum, { shape }) => sum + sizeOf(shape), 0),
      stateBytes: treeBytes(live.state),
      device: getDevice(this.device).backend.describe(),
      // Where batch sizes change, how many steps there will be is not known.
      notes: epoch.batches === null ? [] : scheduleNotes(this.#parts.optimizer, epochs * epoch.batches),
    };
    this.#run = run;
    if (this.#resumed === null) {
      this.#snapshots.clear();
      this.#savepoints.clear();
    }
    this.#resumed = null;

    let trained = { rows: 0, seconds: 0, waiting: 0 };
    const emit = async <K extends keyof Events>(name: K, event: Events[K]): Promise<void> => {
      if (name === "stepEnd") {
        const { rows, seconds, waiting } = event as Events["stepEnd"];
        trained = {
          rows: trained.rows + rows,
          seconds: trained.seconds + seconds,
          waiting: trained.waiting + waiting,
        };
      } else if (name === "batchSize")
        control.batchFactor = (event as Events["batchSize"]).learningRateFactor;
      if (name !== "batch" && name !== "stepEnd") this.#publish(live.state);
      if (name !== "batch" && name !== "error") await control.tellSaved();
      await this.#callbacks.emit(name, event, runOf);
    };
    let terrain: Terrain | null = null;
    const control = new RunControl({
      terrain: () => terrain,
      live,
      shown: this.#shown,
      snapshots: this.#snapshots,
      savepoints: this.#savepoints,
      callbacks: this.#callbacks,
      values: () => this.#values(live),
      publish: (values) => this.#publish(values),
      programs: this.#programs,
      saves: this.#saves,
      content: () => this.#content(live),
      tree: () => this.#tree(live.state, live.state),
      hyperparameters: () => this.hyperparameters(),
      set: (name, value) => this.set(name, value),
      predict: (data) => this.predict(data),
      emit,
    });
    const runOf = (name: string): Run => control.of(name);

    const began = performance.now();
    try {
      await emit("start", { plan, position: live.position, history: live.history });
      if (this.#callbackStates) await this.#callbacks.restore(this.#callbackStates, runOf);
      this.#callbackStates = null;
      const placed = {
        train: memory && this.#place(memory),
        validation: validation && this.#place(validation),
      };
      this.#train = placed.train;
      const orderOf = (epoch: number): Int32Array => train.rowOrder(epoch, batchSize);
      const ground = { live, placed: placed.train, batching: sizes, order: orderOf, device: this.device };
      terrain = new Terrain(this.#parts, ground);
      const reason = await runEpochs(live, {
        plan,
        order: orderOf,
        dropLast,
        batching: sizes,
        meter: new NoiseMeter(this.#parts),
        device: this.device,
        train: placed.train ?? (feed as Feed),
        metrics: this.#parts.metrics,
        step: (size) => this.#programs.step(this.#parts, size),
        read: (states) => this.#evaluator.read(states),
        validate: placed.validation ? () => this.#scores(live, placed.validation as Placed) : null,
        debug: this.#debug ? new Debug(this.#parts, this.device) : null,
        telemeter: this.#freshTelemeter(),
        emit,
        untilBreak: (step) => control.untilBreak(step),
        wentBack: () => control.wentBack(),
        stopping: () => control.wish ?? (signal?.aborted ? "interrupted" : null),
      });
      control.record = live.history.at(-1) ?? control.record;
      await emit("stop", { reason, position: live.position });
      await control.tellSaved();
      const values = await this.#values(live);
      const seconds = (performance.now() - began) / 1000;
      const samplesPerSecond = trained.seconds > 0 ? trained.rows / trained.seconds : 0;
      this.#publish(values);
      const waiting = trained.seconds > 0 ? trained.waiting / trained.seconds : 0;
      const { record } = control;
      return { history: [...live.history], record, reason, plan, seconds, samplesPerSecond, waiting };
    } catch (error) {
      // What a callback throws while it hears of an error must not hide that error.
      const { failed } = this.#callbacks;
      await emit("error", { error, position: live.position, callback: failed }).catch(() => undefined);
      this.#publish(live.state);
      throw error;
    } finally {
      this.#train = null;
      await this.#saves.close();
      await train.close();
    }
  }

  /** Averages of loss and metrics over the data. Throws as `fit` does before its first step. */
  async evaluate(data: Dataset): Promise<Scores> {
    checkDataset("evaluate: the data", data);
    const live = await this.#prepared();
    await checkFit(this.#parts, data, data.length, "the data");
    return this.#scores(live, this.#place(data));
  }

  /** The model's outputs [n, ...] for inputs x [n, ...], in inference mode. */
  async predict(x: Tensor | ArrayLike | Dataset): Promise<Tensor> {
    const { params, buffers } = await this.#values(await this.#prepared());
    const tensors = { ...params, ...buffers };
    const input =
      x instanceof Tensor
        ? await x.to(this.device)
        : x instanceof Dataset
          ? this.#place(x).x
          : toTensor(toHostArray(x, "predict: x", false), this.device);
    return this.#evaluator.predict(tensors, input);
  }

  /** Saves the whole training state into a folder: `resume` goes on from it to the same bits; `keep`: which of those before stay. Throws FileError. */
  async save(dir: string, keep: Keep | null = null): Promise<void> {
    const content = await this.#content(await this.#prepared());
    await (await this.#saves.begin(dir, content, keep)).written;
  }

  /** What a checkpoint holds of the state as it is now. */
  async #content(live: Live): Promise<Content> {
    const { state, ...rest } = live;
    const data = {
      ...rest,
      run: this.#run,
      callbacks: this.#callbackStates ?? this.#callbacks.states(),
      snapshots: this.#snapshots.epochs(),
      savepoints: this.#savepoints.facts(),
    };
    return { tree: this.#tree(state, await this.#values(live)), data };
  }

  #tree(state: TrainState, { params, buffers }: Values): object {
    const snapshots = this.#snapshots.tree();
    const savepoints = this.#savepoints.tree(this.#snapshots);
    return {
      ...state,
      ...(this.#shown.averages(state) && { evaluated: { params, buffers } }),
      ...(snapshots && { snapshots }),
      ...(savepoints && { savepoints }),
    };
  }

  /**
   * Takes the parameters and buffers out of a checkpoint, and nothing else: those that its run evaluated, where it kept averages. The
   * report says which, as in "5 of 7 set; missing: ...". Throws FileError; DataError, which says all that differs; ConfigError.
   * @example console.log(String(await trainer.load("runs/mnist/checkpoint", { partial: true, which: "best" })));
   */
  async load(dir: string, options: LoadOptions = {}): Promise<InitReport> {
    const live = await this.#prepared();
    const found = await weightsOf(dir, this.device, live.state, options);
    this.#publish(live.state);
    const report = initFrom(this.model, modelTensors(found));
    const values = await copyTree({ params: this.model.parameters(), buffers: this.model.buffers() });
    live.state = await this.#shown.withValues(live.state, values);
    this.#publish(live.state);
    return report;
  }

  /** Takes over a whole training state: the next `fit` goes on where it was. Throws FileError or DataError. */
  async resume(dir: string): Promise<void> {
    const live = await this.#prepared();
    const { manifest, tensors } = await loadCheckpoint(dir, { device: this.device });
    const { run, callbacks, snapshots: epochs, savepoints: facts, ...rest } = readManifest(manifest, dir);
    if (run) checkPrecision(run.precision, this.#parts.precision, dir);
    const { trained, evaluated, snapshots, savepoints } = splitCheckpoint(tensors);
    const state = restoreTree(live.state, trained, dir, partialHint);
    this.#live = { state, ...rest };
    this.#resumed = run;
    this.#callbackStates = callbacks;
    const recordOf = (name: string) => rest.history.find(({ epoch }) => epoch === epochs[name]) ?? null;
    this.#snapshots.restore(snapshots, state, dir, recordOf);
    this.#savepoints.restore(facts, savepoints, this.#live, this.#snapshots, dir);
    if (evaluated !== null) {
      this.#shown.keep(state, restoreTree({ params: state.params, buffers: state.buffers }, evaluated, dir));
    }
    this.#publish(await this.#values(this.#live));
  }

  /** The optimizer's hyper-parameters by name, as in `{ learningRate: 0.001 }`. */
  async hyperparameters(): Promise<Record<string, number>> {
    const { state } = await this.#prepared();
    const { lossScale } = state;
    return this.#readScalars({
      ...hyperparameters(state.optimizer),
      ...(lossScale && { lossScale: lossScale.scale }),
    });
  }

  /** Sets one of them from the next step on, without a recompile. Throws ConfigError for an unknown or scheduled one. */
  async set(name: string, value: number): Promise<void> {
    const live = await this.#prepared();
    live.state = { ...live.state, optimizer: setHyperparameter(live.state.optimizer, name, value) };
  }

  /** Whether layers were exchanged since it was last asked: programs of the model as it was are dropped then. */
  #rebuilt(): boolean {
    const revision = revisionOf(this.model);
    if (revision === this.#revision) return false;
    this.#revision = revision;
    this.#programs.clear();
    this.#telemeter = null;
    this.#evaluator = new Evaluator(this.#parts, this.device);
    return true;
  }

  /** Steps of another augmentation are other programs. Throws ConfigError for what is none. */
  #augmentBy(augment: Augmenter | undefined): void {
    if (augment !== undefined && typeof augment?.batch !== "function") {
      throw new ConfigError(`fit: augment must be made by augment([...]); got ${typeof augment}.`);
    }
    if (augment === this.#parts.augment) return;
    this.#parts = { ...this.#parts, augment };
    this.#programs.clear();
    this.#telemeter = null;
  }

  /** Its compiled steps last from fit to fit. */
  #freshTelemeter(): Telemeter | null {
    if (this.#telemetrySteps === null) return null;
    this.#telemeter ??= new Telemeter(this.#parts, this.#telemetrySteps);
    return this.#telemeter.forget();
  }

  #place(data: Dataset): Placed {
    let placed = this.#placed.get(data);
    if (!placed) {
      placed = { x: deviceRows(data.x, this.device), y: toTensor(data.y, this.device) };
      this.#placed.set(data, placed);
    }
    return placed;
  }

  async #scores(live: Live, data: Placed): Promise<Scores> {
    return this.#evaluator.scores(await this.#values(live), live.position.step, data);
  }

  /** What is evaluated and predicted with. */
  #values(live: Live): Promise<Values> {
    return this.#shown.of(live.state, this.#train);
  }

  /** The model's parameters are these (a step has donated the ones before). */
  #publish(values: Values): void {
    this.#published = values;
    this.model.load({ ...values.params, ...values.buffers });
  }

  /** The state, made at first use; values that were set in the model since are taken over. */
  async #prepared(): Promise<Live> {
    const { model, optimizer, metrics, precision } = this.#parts;
    const old = this.#live;
    if (this.#fitting && old) return old;
    const rebuilt = this.#rebuilt();
    if (
      old &&
      !rebuilt &&
      sameKeys(old.state.params, model.parameters()) &&
      sameKeys(old.state.buffers, model.buffers())
    ) {
      const { params, buffers } = old.state;
      const known = this.#published ?? old.state;
      if (!same(known.params, model.parameters()) || !same(known.buffers, model.buffers())) {
        old.state = await this.#shown.withValues(old.state, {
          params: await adopt(known.params === params ? params : {}, model.parameters(), this.device),
          buffers: await adopt(known.buffers === buffers ? buffers : {}, model.buffers(), this.device),
        });
        this.#publish(old.state);
      }
      return old;
    }
    // The first use, or parameters were frozen, freed or exchanged: the optimizer starts anew, the step goes on.
    const state = await firstState(model, optimizer, metrics, this.seed, this.device, precision);
    this.#published = { params: model.parameters(), buffers: model.buffers() };
    this.#live = old
      ? { ...old, state: { ...state, step: old.state.step } }
      : { state, position: beginning, history: [], noise: null, learningRateFactor: 1 };
    return this.#live;
  }
}

const beginning: Position = { epoch: 0, batch: 0, row: 0, step: 0 };
