/** A growing list of 32-bit words: how programs are written. */
export class Words {
  #data = new Int32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(...values: readonly number[]): void {
    for (const value of values) this.#one(value);
  }

  /** A 64-bit integer (low word first). */
  wide(...values: readonly number[]): void {
    for (const value of values) {
      if (!Number.isSafeInteger(value)) throw new RangeError(`program: ${value} is not a whole number`);
      this.#one((value % 4294967296) | 0);
      this.#one(Math.floor(value / 4294967296));
    }
  }

  append(other: Words): void {
    for (let i = 0; i < other.#length; i++) this.#one(other.#data[i] as number);
  }

  /** Overwrites a word pushed before, as a length known only now. */
  patch(at: number, value: number): void {
    this.#data[at] = value;
  }

  finish(): Int32Array {
    return this.#data.slice(0, this.#length);
  }

  #one(value: number): void {
    if (this.#length === this.#data.length) {
      const grown = new Int32Array(2 * this.#length);
      grown.set(this.#data);
      this.#data = grown;
    }
    this.#data[this.#length++] = value;
  }
}

const scratch = new DataView(new ArrayBuffer(4));

/** The bits of the nearest f32. */
export function floatBits(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getInt32(0);
}
