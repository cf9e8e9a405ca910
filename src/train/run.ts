/** What the callbacks of one `fit` may ask for: the `Run` that each of them is given, and what its loop is to know of their wishes. */
import type { Dataset } from "../data/index.ts";
import type { Tensor } from "../engine/tensor/index.ts";
import { copyTree, type Keep, type Saving } from "../io/index.ts";
import { ConfigError } from "../util/index.ts";
import type { Callbacks } from "./callbacks.ts";
import type { EpochRecord, Events, Run } from "./events.ts";
import type { Live } from "./fit.ts";
import { notFiniteIn } from "./not-finite.ts";
import { wholeNumber } from "./options.ts";
import type { Programs } from "./programs.ts";
import type { Savepoints } from "./savepoints.ts";
import type { Content, Saves } from "./saves.ts";
import type { Shown } from "./shown.ts";
import type { Snapshot, Snapshots } from "./snapshots.ts";
import type { Values } from "./state.ts";
import type { Terrain } from "./terrain.ts";

/** What a run is made of. */
export interface RunParts {
  readonly live: Live;
  readonly shown: Shown;
  readonly snapshots: Snapshots;
  readonly savepoints: Savepoints;
  readonly callbacks: Callbacks;
  /** What is evaluated now. */
  values(): Promise<Values>;
  publish(values: Values): void;
  hyperparameters(): Promise<Record<string, number>>;
  set(name: string, value: number): Promise<void>;
  readonly programs: Programs;
  readonly saves: Saves;
  /** Null before there is data to measure on. */
  terrain(): Terrain | null;
  /** What a checkpoint holds. */
  content(): Promise<Content>;
  /** Its tensors, of about the same sizes, without computing any. */
  tree(): object;
  predict(data: Dataset): Promise<Tensor>;
  emit<K extends keyof Events>(name: K, event: Events[K]): Promise<void>;
}

export class RunControl {
  readonly #parts: RunParts;
  #wish: string | null = null;
  #back: { readonly name: string; readonly reason: string } | null = null;
  #folder: string | null = null;
  /** By callback. */
  readonly #breaks = new Map<string, number>();
  /** The epoch whose values the run has now. */
  record: EpochRecord | null;
  /** What the size of the last batches makes learning rates be times. */
  batchFactor = 1;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.record = parts.live.history.at(-1) ?? null;
  }

  /** Why a callback wants the run to end; null while none does. */
  get wish(): string | null {
    return this.#wish;
  }

  /** Steps from this one to the next at which a callback wants to be heard. */
  untilBreak(step: number): number {
    return [...this.#breaks.values()].reduce(
      (least, at) => (at > step ? Math.min(least, at - step) : least),
      Number.POSITIVE_INFINITY,
    );
  }

  /** Goes back where a callback asked for it; whether it did. */
  async wentBack(): Promise<boolean> {
    const back = this.#back;
    if (back === null) return false;
    const { live, savepoints, snapshots, callbacks, emit } = this.#parts;
    const savepoint = savepoints.last(back.name);
    this.#back = null;
    if (savepoint === null) return false;
    const from = live.position;
    live.state = await copyTree(savepoint.state);
    live.position = savepoint.position;
    live.noise = savepoint.noise;
    live.history.length = savepoint.epochs;
    snapshots.replace(savepoint.snapshots);
    this.record = live.history.at(-1) ?? null;
    await callbacks.restore(savepoint.callbacks, (name) => this.of(name), back.name);
    const { position, history } = live;
    await emit("rollback", { reason: back.reason, from, position, history });
    return true;
  }

  /** The run as the callback of this name sees it. */
  of(name: string): Run {
    const { live, shown, snapshots, savepoints, callbacks, programs } = this.#parts;
    const { values, publish, hyperparameters, set, predict, emit } = this.#parts;
    const putBack = (snapshot: Snapshot) => async () => {
      const own = await copyTree(snapshot.values);
      live.state = await shown.withValues(live.state, own);
      this.record = snapshot.of;
      shown.keep(live.state, own);
      publish(live.state);
    };
    return {
      stop: (reason) => {
        this.#wish ??= reason;
      },
      breakAt: (step) => {
        this.#breaks.set(name, wholeNumber(`${name}: breakAt`, "step", step, 0));
      },
      save: async (dir, keep) => {
        await (await this.#save(dir, keep)).written;
        await this.tellSaved();
      },
      saveBehind: (dir, keep) => this.#save(dir, keep),
      readySaves: async () => this.#parts.saves.ready(this.#parts.tree()),
      parameters: () => ({ ...live.state.params, ...live.state.buffers }),
      hyperparameters,
      set,
      explain: () => programs.explain(),
      time: (on) => programs.time(on),
      timings: () => programs.timings(),
      spent: () => callbacks.spent(),
      scaleLearningRate: (factor) => {
        if (!(factor >= 0 && Number.isFinite(factor)))
          throw new ConfigError(`${name}: the learning rate's factor must be at least 0; got ${factor}.`);
        live.learningRateFactor *= factor;
      },
      learningRateFactor: () => live.learningRateFactor * this.batchFactor,
      notFinite: () => notFiniteIn(live.state),
      gradientNoise: async (batches = 8) =>
        (await this.#parts.terrain()?.noise(wholeNumber(`${name}: gradientNoise`, "batches", batches, 1))) ??
        null,
      sharpness: async (products = 10) =>
        (await this.#parts
          .terrain()
          ?.sharpness(wholeNumber(`${name}: sharpness`, "products", products, 1))) ?? null,
      predict,
      folder: () => this.#folder,
      keptIn: (folder) => {
        this.#folder = folder;
      },
      show: (pictures) => emit("pictures", { position: live.position, pictures }),
      snapshot: async () => putBack(await snapshots.take(name, await values(), live.history.at(-1) ?? null)),
      lastSnapshot: () => {
        const snapshot = snapshots.last(name);
        return snapshot && putBack(snapshot);
      },
      savepoint: () => savepoints.take(name, live, callbacks.states(), snapshots),
      savepointStep: () => savepoints.last(name)?.position.step ?? null,
      dropSavepoint: () => savepoints.drop(name),
      rollback: (reason) => {
        if (savepoints.last(name) === null) return false;
        this.#back ??= { name, reason };
        return true;
      },
    };
  }

  async #save(dir: string, keep: Keep | undefined): Promise<Saving> {
    // The state is about to be undone.
    if (this.#back !== null) return { written: Promise.resolve() };
    const { saves, content, live, publish } = this.#parts;
    const saving = await saves.begin(dir, await content(), keep ?? null, live.position);
    // What is shown may have been measured with other values in the model.
    publish(live.state);
    return saving;
  }

  /** Tells the callbacks of saves that have come to the disk. */
  async tellSaved(): Promise<void> {
    const { saves, callbacks } = this.#parts;
    for (const event of saves.landed()) await callbacks.emit("checkpoint", event, (name) => this.of(name));
  }
}
