/** Random numbers of one variant of one row: a function of the seed, the row and the variant, whatever else is augmented. */
import { philox } from "../../../util/index.ts";

const tag = 0x74657874; // keeps these apart from the orders of rows, which the same seed gives

/** Words of Philox4x32-10, of which the key is the seed and the counter the row, the variant and how many blocks there were. */
export class Draws {
  #words: number[] = [];
  #block = 0;

  constructor(
    readonly seed: number,
    readonly row: number,
    readonly variant: number,
  ) {}

  /** In [0, 1). */
  uniform(): number {
    if (this.#words.length === 0) {
      const high = Math.floor(this.seed / 0x100000000);
      this.#words = philox(this.seed >>> 0, high >>> 0, [this.row, this.variant, this.#block++, tag]);
    }
    return (this.#words.pop() as number) / 0x100000000;
  }

  /** A whole number in [0, size). */
  below(size: number): number {
    return Math.floor(this.uniform() * size);
  }

  /** One of a list that is not empty. */
  one<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** `count` different ones of a list, in the order they were drawn. */
  some<T>(list: readonly T[], count: number): T[] {
    const left = [...list];
    return Array.from({ length: Math.min(count, list.length) }, () => {
      const [drawn] = left.splice(this.below(left.length), 1);
      return drawn as T;
    });
  }
}
