/** Histograms as TensorBoard keeps them: counts of values up to each of a list of limits. */

export interface ValueHistogram {
  readonly min: number;
  readonly max: number;
  readonly count: number;
  readonly sum: number;
  readonly sumOfSquares: number;
  /** The upper end of each bucket; a bucket begins, without it, where the one before ends. */
  readonly limits: readonly number[];
  readonly counts: readonly number[];
}

const buckets = 64;

/** 64 buckets of equal width from the least value to the greatest. NaN and infinities are left out: they have no place on the axis. */
export function histogramOf(values: Float32Array): ValueHistogram {
  let [min, max, count, sum, sumOfSquares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value - value !== 0) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    count++;
    sum += value;
    sumOfSquares += value * value;
  }
  if (count === 0) return { min: 0, max: 0, count, sum, sumOfSquares, limits: [0], counts: [0] };
  if (min === max) return { min, max, count, sum, sumOfSquares, limits: [max], counts: [count] };
  const width = (max - min) / buckets;
  const counts = new Float64Array(buckets);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value - value !== 0) continue;
    const at = Math.ceil((value - min) / width) - 1;
    const bucket = at < 0 ? 0 : at >= buckets ? buckets - 1 : at;
    counts[bucket] = (counts[bucket] as number) + 1;
  }
  const limits = Array.from(counts, (_, at) => (at === buckets - 1 ? max : min + width * (at + 1)));
  return { min, max, count, sum, sumOfSquares, limits, counts: Array.from(counts) };
}
