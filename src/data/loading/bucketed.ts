/** A sampler whose batches hold rows of similar length, so that little of them is padding. */
import { ConfigError, rejectUnknown } from "../../util/index.ts";
import { generator, shuffledRange } from "../shuffle.ts";
import { fingerprint, sameLength, whole } from "./checks.ts";
import type { Sampler } from "./sampler.ts";

const bucketStream = 0x6275636b;

/**
 * Every row once. Rows are sorted by length and cut into buckets of about equally many; each epoch shuffles within the buckets, and
 * then the batches. What a bucket has left over begins the next one's first batch, so that one batch at most is smaller: the last.
 *
 * @param lengths one a row, such as tokens in a text
 * @param options.buckets default 8: more make batches more even and less random
 * @throws ConfigError for lengths that are no numbers, none, or a number of buckets below 1
 * @example loader(texts, { batchSize: 32, sampler: bucketed(lengths, { buckets: 16 }), seed: 7 });
 */
export function bucketed(lengths: ArrayLike<number>, options: { readonly buckets?: number } = {}): Sampler {
  rejectUnknown("bucketed", options, ["buckets"]);
  const own = Float64Array.from(lengths);
  const wrong = own.findIndex((length) => !Number.isFinite(length));
  if (wrong >= 0)
    throw new ConfigError(`bucketed: lengths must be finite; that of row ${wrong} is ${own[wrong]}.`);
  if (own.length === 0) throw new ConfigError("bucketed: lengths must be one a row; got none.");
  const buckets = whole("bucketed", "buckets", options.buckets ?? 8, 1);
  const sorted = Array.from(own.keys()).sort((a, b) => (own[a] as number) - (own[b] as number) || a - b);
  return {
    key: `bucketed(${fingerprint(own)}, ${buckets})`,
    size(length) {
      sameLength("bucketed", "lengths", own.length, length);
      return length;
    },
    order(length, { seed, epoch, batchSize }) {
      const next = generator(seed, epoch, bucketStream);
      const line = new Int32Array(length);
      for (let bucket = 0; bucket < buckets; bucket++) {
        const from = Math.floor((bucket * length) / buckets);
        const to = Math.floor(((bucket + 1) * length) / buckets);
        for (const [i, at] of shuffledRange(to - from, next).entries())
          line[from + i] = sorted[from + at] as number;
      }
      const whole = Math.floor(length / batchSize);
      const order = new Int32Array(length);
      order.set(line.subarray(whole * batchSize), whole * batchSize);
      for (const [place, batch] of shuffledRange(whole, next).entries())
        order.set(line.subarray(batch * batchSize, (batch + 1) * batchSize), place * batchSize);
      return order;
    },
  };
}
