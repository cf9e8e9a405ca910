/** Memory for copies of a state, kept from one to the next: fresh pages would cost more than what is written to them. */

/** Every tensor starts at a multiple of this. */
const ALIGNMENT = 64;
const PAGE = 4096;

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

export class CopySpace {
  /** It grows by another block; what was given out stays where it is. */
  #blocks: Uint8Array[] = [];
  #block = 0;
  #used = 0;

  /** Makes room for tensors of `bytes` together and touches it, so that the next copy meets no fresh page. */
  reserve(bytes: number, tensors = 1): void {
    const wanted = bytes + ALIGNMENT * tensors;
    const room = this.#blocks.reduce((sum, { length }) => sum + length, 0);
    if (room < wanted) this.#blocks.push(touched(wanted - room));
  }

  /** What was given out may be overwritten from now on. */
  restart(): void {
    this.#block = 0;
    this.#used = 0;
  }

  take(bytes: number): Uint8Array {
    for (; this.#block < this.#blocks.length; this.#block++, this.#used = 0) {
      const block = this.#blocks[this.#block] as Uint8Array;
      if (this.#used + bytes > block.length) continue;
      const part = block.subarray(this.#used, this.#used + bytes);
      this.#used += aligned(bytes);
      return part;
    }
    this.#blocks.push(touched(Math.max(aligned(bytes), 1 << 16)));
    return this.take(bytes);
  }

  /** Gives the memory back. */
  release(): void {
    this.#blocks = [];
    this.restart();
  }
}

function touched(bytes: number): Uint8Array {
  const block = new Uint8Array(aligned(bytes));
  for (let at = 0; at < block.length; at += PAGE) block[at] = 1;
  return block;
}
