/** The plan cache: least recently used goes first, by bytes. A plan that went is loaded again when it is next run. */

/** A loaded plan, as far as the cache cares. */
export interface Loaded {
  readonly bytes: number;
  unload(): void;
}

const BUDGET = 2 ** 30;

export class PlanCache<Entry extends Loaded> {
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Entry | undefined {
    const found = this.#entries.get(key);
    if (found !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, found);
    }
    return found;
  }

  /** Only complete entries come in, so a failed compilation leaves no trace. */
  set(key: string, loaded: Entry): void {
    this.#entries.set(key, loaded);
    this.#bytes += loaded.bytes;
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= BUDGET || oldest === key) break;
      this.#entries.delete(oldest);
      this.#bytes -= entry.bytes;
      entry.unload();
    }
  }

  clear(): void {
    for (const entry of this.#entries.values()) entry.unload();
    this.#entries.clear();
    this.#bytes = 0;
  }
}
