/** Saves that training does not wait for: the state is copied at once, and hashed and written by a thread of its own. */
import { bytesOf } from "../engine/ir/index.ts";
import { Tensor } from "../engine/tensor/index.ts";
import { flattenTree } from "../util/index.ts";
import type { Manifest } from "./checkpoint.ts";
import { type Keep, putCheckpoint } from "./put-checkpoint.ts";
import { encodeSafetensors } from "./safetensors.ts";
import { readTree } from "./tensors.ts";
import { type StateFile, writeState } from "./write-state.ts";
import { WriteThread } from "./write-thread.ts";

/** Bytes of a state from which on a thread pays: below, hashing takes less than asking for it. */
const worthThread = 1 << 18;

/** A save whose state has been copied. */
export interface Saving<T = void> {
  /** Resolves when it is on the disk. Rejects with FileError (disk full, ...): the checkpoint before stays in force. */
  readonly written: Promise<T>;
}

/** Buffers by size that copies go to, used again: the system takes far longer to give fresh memory than a copy takes. */
class Memory {
  readonly #free = new Map<number, Uint8Array[]>();

  take(bytes: number): Uint8Array {
    return this.#free.get(bytes)?.pop() ?? new Uint8Array(bytes);
  }

  /** Keeps these in place of all that it has. */
  keep(buffers: readonly Uint8Array[]): void {
    this.#free.clear();
    for (const buffer of buffers) {
      const alike = this.#free.get(buffer.length);
      if (alike) alike.push(buffer);
      else this.#free.set(buffer.length, [buffer]);
    }
  }
}

/**
 * Writes checkpoints one after the other: a save waits until the one before is on the disk. Holds memory for one copy of the state from
 * `ready` (or the first save) to `close`.
 */
export class CheckpointWriter {
  readonly #memory = new Memory();
  readonly #thread = new WriteThread();
  #threaded = false;
  /** Resolves when nothing is under way. */
  #idle: Promise<void> = Promise.resolve();

  /** Makes room for a state like this and, where it is large, starts a thread: the first save then takes no longer than later ones. */
  ready(state: unknown): void {
    const sizes = flattenTree(state).leaves.map((leaf) =>
      leaf instanceof Tensor ? bytesOf(leaf.node.aval) : 0,
    );
    const total = sizes.reduce((sum, bytes) => sum + bytes, 0);
    if (total < worthThread) return;
    this.#threaded = true;
    this.#thread.start();
    // Memory is there once it has been written to.
    this.#memory.keep(sizes.map((bytes) => new Uint8Array(bytes).fill(1)));
  }

  /** Resolves when the state has been copied: it may change from then on. Throws DataError for a leaf that is not a tensor. */
  async save(
    dir: string,
    state: unknown,
    data: Manifest["data"],
    keep: Keep | null,
  ): Promise<Saving<Manifest>> {
    const before = this.#idle;
    let done = (): void => undefined;
    this.#idle = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    try {
      const parts = encodeSafetensors(await readTree(state, (bytes) => this.#memory.take(bytes)));
      // As it is now: what is told of a run grows with it.
      const now: Manifest["data"] = JSON.parse(JSON.stringify(data));
      const written = putCheckpoint(dir, now, keep, () => this.#write(dir, parts)).finally(done);
      written.catch(() => undefined); // whoever asked looks at it later
      return { written };
    } catch (error) {
      done();
      throw error;
    }
  }

  #write(dir: string, parts: readonly Uint8Array[]): Promise<StateFile> {
    if (!this.#threaded) return writeState(dir, parts);
    return this.#thread.write(dir, parts, (back) => this.#memory.keep(back));
  }

  /** Waits for what is under way, then lets go of memory and thread. */
  async close(): Promise<void> {
    await this.#idle;
    this.#memory.keep([]);
    this.#threaded = false;
    await this.#thread.end();
  }
}

/**
 * Saves a state into the folder `dir`. The manifest is written last and decides which state counts: when anything fails, the
 * previous checkpoint is whole and in force. With `keep` the folder holds several: each has a manifest with a number besides, and states
 * that no manifest names are removed.
 *
 * Throws FileError (disk full, no permission, ...), DataError for a leaf that is not a tensor.
 *
 * @example await saveCheckpoint("runs/a/checkpoint", state, { epoch: 3 });
 */
export async function saveCheckpoint(
  dir: string,
  state: unknown,
  data: Manifest["data"] = {},
  keep: Keep | null = null,
): Promise<Manifest> {
  const { written } = await new CheckpointWriter().save(dir, state, data, keep);
  return written;
}
