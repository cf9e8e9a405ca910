/** What the callbacks of one `fit` may ask for: the `Run` that each of them is given, and what its loop is to know of their wishes. */
import { copyTree, type Keep } from "../io/index.ts";
import type { EpochRecord, Events, Run } from "./events.ts";
import type { Live } from "./fit.ts";
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
  save(dir: string, keep: Keep | undefined): Promise<void>;
  hyperparameters(): Promise<Record<string, number>>;
  set(name: string, value: number): Promise<void>;
  explain(): readonly string[];
  emit<K extends keyof Events>(name: K, event: Events[K]): Promise<void>;
}

export class RunControl {
  readonly #parts: RunParts;
  #wish: string | null = null;
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
    const { live, shown, snapshots, values, publish, save, hyperparameters, set, explain, emit } =
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
        await save(dir, keep);
        await emit("checkpoint", { dir, position: live.position });
      },
      parameters: () => ({ ...live.state.params, ...live.state.buffers }),
      hyperparameters,
      set,
      explain,
      snapshot: async () => putBack(await snapshots.take(name, await values(), live.history.at(-1) ?? null)),
      lastSnapshot: () => {
        const snapshot = snapshots.last(name);
        return snapshot && putBack(snapshot);
      },
    };
  }
}
