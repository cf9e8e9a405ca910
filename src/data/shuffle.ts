/** The seeded order of rows: a pure function of (seed, epoch), so that any epoch can be had again without the ones before it. */
import { philox } from "../util/index.ts";

/** Separates the orders of rows from whatever else comes from the same seed. */
const orderStream = 0x6f726465;

/** Small fast counter generator (sfc32, Chris Doty-Humphrey's PractRand), seeded by one Philox block. */
export function generator(seed: number, epoch: number, stream = orderStream, at = 0): () => number {
  const high = Math.floor(seed / 0x100000000);
  let [a, b, c, counter] = philox(seed >>> 0, high >>> 0, [epoch >>> 0, stream, at >>> 0, 0]) as [
    number,
    number,
    number,
    number,
  ];
  return () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
}

/**
 * A permutation of 0..size-1 (Fisher-Yates), equal for equal (size, seed, epoch) on every machine.
 *
 * @example permutation(3, 42, 0) // Int32Array of 0, 1, 2 in some order
 */
export function permutation(size: number, seed: number, epoch = 0): Int32Array {
  return shuffledRange(size, generator(seed, epoch));
}

/** 0..size-1 in an order that `next`, of whole numbers below 2^32, decides (Fisher-Yates). */
export function shuffledRange(size: number, next: () => number): Int32Array {
  const order = new Int32Array(size);
  for (let i = 0; i < size; i++) {
    // The multiply maps 32 random bits to [0, i]; its bias is below i / 2^32.
    const j = Math.floor((next() / 0x100000000) * (i + 1));
    order[i] = order[j] as number;
    order[j] = i;
  }
  return order;
}
