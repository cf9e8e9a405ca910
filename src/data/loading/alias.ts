/** Draws from a list of weights in constant time: Walker's alias method, its table made in linear time. */

/** A draw takes one column at random and one of the two indices in it. */
export interface AliasTable {
  /** The index of a draw, from two uniform numbers in [0, 1). */
  draw(column: number, toss: number): number;
}

/**
 * The table of n weights that are not negative and not all 0.
 * @see Vose: A linear algorithm for generating random numbers with a given distribution, IEEE Transactions on Software Engineering 17, 1991
 */
export function aliasTable(weights: ArrayLike<number>): AliasTable {
  const size = weights.length;
  // Over the largest first: the sum of huge weights would overflow.
  let largest = 0;
  for (let i = 0; i < size; i++) largest = Math.max(largest, weights[i] as number);
  const scaled = Float64Array.from({ length: size }, (_, i) => (weights[i] as number) / largest);
  const mean = scaled.reduce((sum, weight) => sum + weight, 0) / size;
  const height = scaled.map((weight) => weight / mean);
  const own = new Float64Array(size).fill(1);
  const other = Int32Array.from({ length: size }, (_, i) => i);
  const [small, large]: [number[], number[]] = [[], []];
  for (let i = 0; i < size; i++) ((height[i] as number) < 1 ? small : large).push(i);
  while (small.length > 0 && large.length > 0) {
    const [low, high] = [small.pop() as number, large.at(-1) as number];
    own[low] = height[low] as number;
    other[low] = high;
    height[high] = (height[high] as number) - (1 - (height[low] as number));
    if ((height[high] as number) < 1) small.push(large.pop() as number);
  }
  // What rounding left over is a full column, unless it never may be drawn.
  const some = scaled.findIndex((weight) => weight > 0);
  for (const left of small) {
    if (scaled[left] !== 0) continue;
    own[left] = 0;
    other[left] = some;
  }
  return {
    draw(column, toss) {
      const at = Math.floor(column * size);
      return toss < (own[at] as number) ? at : (other[at] as number);
    },
  };
}
