/** Saves of a trainer: the state is copied at once, and goes to the disk beside training. One at a time. */
import { CopySpace, copyForCheckpoint, type Keep, writeCheckpoint } from "../io/index.ts";

/** A save whose state is copied: what changes from now on is none of it. */
export interface Saving {
  /** Resolves once it is on the disk. Throws FileError; the checkpoint before it stays in force then. */
  readonly written: Promise<void>;
}

/** What a checkpoint holds: tensors, and what its manifest says. */
export interface Whole {
  readonly tree: unknown;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Milliseconds that a write beside training leaves to it after each megabyte: that takes a write half a millisecond of the processor. */
const PAUSE = 2;

export class Saver {
  readonly #space = new CopySpace();
  /** The end of what was asked for so far. */
  #last: Promise<void> = Promise.resolve();

  /** Memory for a copy of so many bytes in so many tensors, so that no save has to wait for it. */
  reserve(bytes: number, tensors: number): void {
    this.#space.reserve(bytes, tensors);
  }

  /** Between runs no memory is kept. */
  async release(): Promise<void> {
    await this.#last;
    this.#space.release();
  }

  /**
   * Copies what `take` gives once the save before it is on the disk. `beside`: training goes on while it is written, and is left the
   * processor in between. Throws what `take` throws, DataError for a leaf that is not a tensor.
   */
  async begin(dir: string, keep: Keep | null, take: () => Promise<Whole>, beside: boolean): Promise<Saving> {
    const before = this.#last;
    const copied = before.then(async () => {
      const { tree, data } = await take();
      this.#space.restart();
      return copyForCheckpoint(tree, data, this.#space);
    });
    const written = copied.then(async (copy) => {
      await writeCheckpoint(dir, copy, keep, beside ? PAUSE : null);
    });
    this.#last = written.catch(() => undefined);
    await copied;
    return { written };
  }
}
