/** Whole training states in memory that a run can go back to, one for each callback that asked; checkpoints hold them too. */
import { copyTree, restoreTree, type TensorsByPath } from "../io/index.ts";
import { DataError } from "../util/index.ts";
import type { CallbackStates } from "./callbacks.ts";
import type { Position } from "./events.ts";
import type { Live } from "./fit.ts";
import type { NoiseState } from "./noise-scale.ts";
import type { Snapshot, Snapshots } from "./snapshots.ts";
import type { TrainState } from "./state.ts";

/** Of a savepoint what is no tensor. */
export interface SavepointFacts {
  readonly position: Position;
  readonly noise: NoiseState | null;
  /** Epochs in the history. */
  readonly epochs: number;
  readonly callbacks: CallbackStates;
}

export interface Savepoint extends SavepointFacts {
  readonly state: TrainState;
  /** The callbacks' own copies of values, as they were. */
  readonly snapshots: ReadonlyMap<string, Snapshot>;
}

export class Savepoints {
  readonly #kept = new Map<string, Savepoint>();

  /** Copies all there is now, in place of the callback's savepoint before. */
  async take(name: string, live: Live, callbacks: CallbackStates, snapshots: Snapshots): Promise<void> {
    const { position, noise, history } = live;
    this.#kept.delete(name); // its memory first
    const state = await copyTree(live.state);
    const of = snapshots.all();
    this.#kept.set(name, { state, position, noise, epochs: history.length, callbacks, snapshots: of });
  }

  last(name: string): Savepoint | null {
    return this.#kept.get(name) ?? null;
  }

  drop(name: string): void {
    this.#kept.delete(name);
  }

  clear(): void {
    this.#kept.clear();
  }

  /** The tensors by callback, for a checkpoint; null where there are none. Snapshots that are still the last ones are saved as those. */
  tree(snapshots: Snapshots): Record<string, object> | null {
    if (this.#kept.size === 0) return null;
    const changed = (savepoint: Savepoint) =>
      [...savepoint.snapshots]
        .filter(([name, snapshot]) => snapshots.last(name) !== snapshot)
        .map(([name, { values }]) => [name, values] as const);
    return Object.fromEntries(
      [...this.#kept].map(([name, savepoint]) => [
        name,
        { state: savepoint.state, snapshots: Object.fromEntries(changed(savepoint)) },
      ]),
    );
  }

  /** The rest, for its manifest. `snapshots`: the epoch each is of, null for one before the first. */
  facts(): Record<string, SavepointFacts & { readonly snapshots: Record<string, number | null> }> {
    return Object.fromEntries(
      [...this.#kept].map(([name, { state: _, snapshots, ...facts }]) => {
        const epochs = [...snapshots].map(([owner, { of }]) => [owner, of?.epoch ?? null] as const);
        return [name, { ...facts, snapshots: Object.fromEntries(epochs) }];
      }),
    );
  }

  /** Takes those of a checkpoint instead. `snapshots` are the checkpoint's last ones. @throws DataError where one is not whole */
  restore(
    saved: ReturnType<Savepoints["facts"]>,
    tensors: ReadonlyMap<string, TensorsByPath>,
    live: Live,
    snapshots: Snapshots,
    dir: string,
  ): void {
    this.clear();
    const { params, buffers } = live.state;
    for (const [name, { snapshots: epochs, ...facts }] of Object.entries(saved)) {
      const { state: own = {}, snapshots: others = {} } = parted(tensors.get(name) ?? {});
      const changed = parted(others);
      if (facts.epochs > live.history.length) {
        throw new DataError(
          `${dir}: the savepoint of ${name} must be of the run's past; it has ${facts.epochs} epochs, the run ${live.history.length}.`,
        );
      }
      const kept = Object.entries(epochs).map(([owner, epoch]): [string, Snapshot] => {
        const found = changed[owner];
        const last = snapshots.last(owner);
        if (found === undefined && last !== null) return [owner, last];
        const values = restoreTree({ params, buffers }, found ?? {}, dir);
        return [owner, { values, of: live.history.find((record) => record.epoch === epoch) ?? null }];
      });
      const state = restoreTree(live.state, own, dir);
      this.#kept.set(name, { ...facts, state, snapshots: new Map(kept) });
    }
  }
}

/** Tensors by the first part of their paths. */
export function parted(tensors: TensorsByPath): Record<string, TensorsByPath> {
  const parts: Record<string, Record<string, TensorsByPath[string]>> = Object.create(null);
  for (const [path, tensor] of Object.entries(tensors)) {
    const [first = "", ...rest] = path.split("/");
    const part = parts[first] ?? Object.create(null);
    part[rest.join("/")] = tensor;
    parts[first] = part;
  }
  return parts;
}
