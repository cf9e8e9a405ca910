/** Seeded uniform numbers for test data (xorshift32): the same in every run. */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 0x9e3779b9) >>> 0 || 1;
    for (let i = 0; i < 8; i++) this.next();
  }

  /** The next 32 bits. */
  next(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return this.#state >>> 0;
  }

  uniform(low: number, high: number): number {
    return low + ((high - low) * this.next()) / 2 ** 32;
  }

  /** An integer in [low, high). */
  integer(low: number, high: number): number {
    return low + Math.floor(this.uniform(0, high - low));
  }

  pick<T>(options: readonly T[]): T {
    return options[this.integer(0, options.length)] as T;
  }
}

/** A seed from a name, so that adding a case leaves the data of the others alone (FNV-1a). */
export function seedOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const char of name) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return hash >>> 0;
}
