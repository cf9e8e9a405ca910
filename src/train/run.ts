/** What the callbacks of one `fit` may ask for: the `Run` that each of them is given, and what its loop is to know of their wishes. */
import { copyTree, type Keep } from "../io/index.ts";
import { flattenTree } from "../util/index.ts";
import type { Callbacks } from "./callbacks.ts";
import type { EpochRecord, Events, Plan, Run } from "./events.ts";
import type { Live } from "./fit.ts";
import type { Programs } from "./programs.ts";
import type { Saver, Saving, Whole } from "./saver.ts";
import type { Shown } from "./shown.ts";
import type { Snapshot, Snapshots } from "./snapshots.ts";
import type { Values } from "./state.ts";

/** What a run is made of. */
export interface RunParts {
  readonly live: Live;
  readonly shown: Shown;
  readonly snapshots: Snapshots;
  /** What is evaluated now. */
  values(): Promise<Values>;
  publish(values: Values): void;
  hyperparameters(): Promise<Record<string, number>>;
  set(name: string, value: number): Promise<void>;
  readonly plan: Plan;
  readonly programs: Programs;
  readonly callbacks: Callbacks;
  readonly saver: Saver;
  /** What a checkpoint holds. */
  whole(): Promise<Whole>;
}

export class RunControl {
  readonly #parts: RunParts;
  #wish: string | null = null;
  /** On the disk, and not yet told of. */
  readonly #saved: Events["checkpoint"][] = [];
  /** The epoch whose values the run has now. */
  record: EpochRecord | null;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.record = parts.live.history.at(-1) ?? null;
  }

  /** Why a callback wants the run to end; null while none does. */
  get wish(): string | null {
    return this.#wish;
  }

  /** The run as the callback of this name sees it. */
  of(name: string): Run {
    const { live, shown, snapshots, values, publish, hyperparameters, set, plan, programs, callbacks } =
      this.#parts;
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
      save: async (dir, keep) => {
        await (await this.#save(dir, keep, false)).written;
        await this.tellSaved();
      },
      saveBeside: (dir, keep) => this.#save(dir, keep, true),
      reserveSaves: () => this.#parts.saver.reserve(plan.stateBytes, flattenTree(live.state).leaves.length),
      parameters: () => ({ ...live.state.params, ...live.state.buffers }),
      hyperparameters,
      set,
      explain: () => programs.explain(),
      time: (on) => programs.time(on),
      timings: () => programs.timings(),
      spent: () => callbacks.spent(),
      snapshot: async () => putBack(await snapshots.take(name, await values(), live.history.at(-1) ?? null)),
      lastSnapshot: () => {
        const snapshot = snapshots.last(name);
        return snapshot && putBack(snapshot);
      },
    };
  }

  async #save(dir: string, keep: Keep | undefined, beside: boolean): Promise<Saving> {
    const { saver, whole, live } = this.#parts;
    const { position } = live;
    const { written } = await saver.begin(dir, keep ?? null, whole, beside);
    const noted = written.then(() => void this.#saved.push({ dir, position }));
    noted.catch(() => undefined); // whoever does not listen shall not end the process
    return { written: noted };
  }

  /** Tells the callbacks of saves that have come to the disk. */
  async tellSaved(): Promise<void> {
    for (const event of this.#saved.splice(0))
      await this.#parts.callbacks.emit("checkpoint", event, (name) => this.of(name));
  }
}
