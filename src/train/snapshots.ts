/** Values that callbacks asked to keep, the last of each: a checkpoint holds them too, so that a resumed run can put them back. */
import { copyTree, restoreTree, type TensorsByPath } from "../io/index.ts";
import type { EpochRecord } from "./events.ts";
import type { Values } from "./state.ts";

export interface Snapshot {
  readonly values: Values;
  /** The epoch they are of; null before the end of the first. */
  readonly of: EpochRecord | null;
}

export class Snapshots {
  readonly #kept = new Map<string, Snapshot>();

  /** Copies what is there now, in place of the callback's snapshot before. */
  async take(name: string, { params, buffers }: Values, of: EpochRecord | null): Promise<Snapshot> {
    const snapshot = { values: await copyTree({ params, buffers }), of };
    this.#kept.set(name, snapshot);
    return snapshot;
  }

  last(name: string): Snapshot | null {
    return this.#kept.get(name) ?? null;
  }

  all(): ReadonlyMap<string, Snapshot> {
    return new Map(this.#kept);
  }

  /** Takes those of an earlier moment instead. */
  replace(all: ReadonlyMap<string, Snapshot>): void {
    this.#kept.clear();
    for (const [name, snapshot] of all) this.#kept.set(name, snapshot);
  }

  clear(): void {
    this.#kept.clear();
  }

  /** The tensors by callback, for a checkpoint's state; null where there are none. */
  tree(): Record<string, Values> | null {
    const entries = [...this.#kept].map(([name, { values }]) => [name, values] as const);
    return entries.length === 0 ? null : Object.fromEntries(entries);
  }

  /** The epochs they are of, for a checkpoint's manifest. */
  epochs(): Record<string, number | null> {
    return Object.fromEntries([...this.#kept].map(([name, { of }]) => [name, of?.epoch ?? null]));
  }

  /** Takes those of a checkpoint instead. Throws DataError for values of another model. */
  restore(
    saved: Iterable<readonly [name: string, tensors: TensorsByPath]>,
    { params, buffers }: Values,
    dir: string,
    recordOf: (name: string) => EpochRecord | null,
  ): void {
    this.clear();
    for (const [name, tensors] of saved)
      this.#kept.set(name, { values: restoreTree({ params, buffers }, tensors, dir), of: recordOf(name) });
  }
}
