/** Random numbers of a seed on the host, in float64: each draw is a function of where it is used, so that no state is kept. */
import { ConfigError, philox } from "../../util/index.ts";

// Seeds leave the upper 11 bits of the key free: there it tells these streams from others of the same seed.
const TAG = 0x5e5 << 21;

/** The n numbers of one place: of a generation, a row (a candidate) and a stream (what they are for). */
export type Draw = (n: number, generation: number, row: number, stream: number) => Float64Array;

export interface Draws {
  /** Standard normal numbers: sqrt(-2 ln u) times the cosine and the sine of 2 pi v (Box and Muller, 1958), of 53 bits each. */
  readonly normal: Draw;
  /** Numbers in [0, 1), multiples of 2^-53. */
  readonly uniform: Draw;
}

/**
 * The draws of a seed. Equal seeds give equal bits on one version of Node; logarithms and sines are those of its engine.
 * @throws ConfigError, naming `op`, unless the seed is a whole number from 0 to 2^53 - 1.
 */
export function drawsOf(op: string, seed: number): Draws {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new ConfigError(`${op}: the seed must be a whole number from 0 to 2^53 - 1; got ${seed}.`);
  }
  const low = seed >>> 0;
  const high = (Math.floor(seed / 2 ** 32) | TAG) >>> 0;

  const fill = (shape: (u: number, v: number) => readonly [number, number]): Draw => {
    return (n, generation, row, stream) => {
      const out = new Float64Array(n);
      for (let at = 0; at < n; at += 2) {
        const [a, b, c, d] = philox(low, high, [at >>> 1, row, generation >>> 0, stream]) as Four;
        const [first, second] = shape(unit(a, b), unit(c, d));
        out[at] = first;
        // Past the end of an odd length this writes nothing.
        out[at + 1] = second;
      }
      return out;
    };
  };
  return {
    normal: fill((u, v) => {
      // 1 - u is never 0.
      const radius = Math.sqrt(-2 * Math.log(1 - u));
      return [radius * Math.cos(2 * Math.PI * v), radius * Math.sin(2 * Math.PI * v)];
    }),
    uniform: fill((u, v) => [u, v]),
  };
}

type Four = [number, number, number, number];

/** 53 bits of two words, in [0, 1). */
const unit = (a: number, b: number): number => ((a >>> 5) * 2 ** 26 + (b >>> 6)) * 2 ** -53;
