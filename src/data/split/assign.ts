/** Which part each row goes to, for all kinds of split: an Int32Array of part numbers. */
import { permutation } from "../shuffle.ts";

/** Rows in shuffled order, those of one stratum together. */
function byStratum(length: number, strata: Int32Array | null, seed: number): Int32Array {
  const order = permutation(length, seed);
  return strata ? order.sort((a, b) => (strata[a] as number) - (strata[b] as number)) : order;
}

/**
 * Systematic sampling: along the rows ordered by stratum, parts take turns in proportion to their shares, so that each has its share
 * of every stratum, and of the whole, to within a row. A stratum that would have no row in part 0 (of one row, say) is there as a whole:
 * what is not trained on cannot be told.
 */
export function proportional(
  length: number,
  shares: readonly number[],
  strata: Int32Array | null,
  seed: number,
): Int32Array {
  const result = new Int32Array(length); // part 0 keeps what no other takes
  let rest = byStratum(length, strata, seed);
  let left = 1;
  for (let part = shares.length - 1; part > 0; part--) {
    const share = (shares[part] as number) / left;
    const taken = (count: number) => Math.floor(count * share + 0.5 + 1e-9);
    const picked = rest.map((_, i) => (taken(i + 1) > taken(i) ? 1 : 0));
    for (const [i, row] of rest.entries()) if (picked[i]) result[row] = part;
    rest = rest.filter((_, i) => !picked[i]);
    left -= shares[part] as number;
  }
  if (strata === null) return result;
  const trained = new Set<number>();
  for (const [row, part] of result.entries()) if (part === 0) trained.add(strata[row] as number);
  return result.map((part, row) => (trained.has(strata[row] as number) ? part : 0));
}

/** Folds of equal size, to within a row, in the whole and in every stratum. */
export function equalFolds(
  length: number,
  folds: number,
  strata: Int32Array | null,
  seed: number,
): Int32Array {
  const result = new Int32Array(length);
  for (const [place, row] of byStratum(length, strata, seed).entries()) result[row] = place % folds;
  return result;
}

/** Whole groups, the largest first, each to the part that lacks most rows of its share; equal groups in shuffled order. */
export function wholeGroups(groups: Int32Array, shares: readonly number[], seed: number): Int32Array {
  const sizes: number[] = [];
  for (const group of groups) sizes[group] = (sizes[group] ?? 0) + 1;
  const order = permutation(sizes.length, seed).sort((a, b) => (sizes[b] as number) - (sizes[a] as number));
  const lacking = shares.map((share) => share * groups.length);
  const part = new Int32Array(sizes.length);
  for (const group of order) {
    const neediest = lacking.indexOf(Math.max(...lacking));
    part[group] = neediest;
    lacking[neediest] = (lacking[neediest] as number) - (sizes[group] as number);
  }
  return groups.map((group) => part[group] as number);
}

/** The rows of one part, in their own order. */
export function rowsOf(parts: Int32Array, wanted: (part: number) => boolean): Int32Array {
  const rows: number[] = [];
  for (const [row, part] of parts.entries()) if (wanted(part)) rows.push(row);
  return Int32Array.from(rows);
}
