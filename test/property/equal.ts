/** Comparing results of random graphs: to the bit, or to the rounding of sums taken in another order. */
import type { Host } from "../sweep/host.ts";
import { decode } from "../sweep/host.ts";

const sameBits = (a: number, b: number) => a === b || (Number.isNaN(a) && Number.isNaN(b));

/** The first place where two lists of results differ, or null. `share`: how far floats may be apart, relative to max(1, size). */
export function firstDifference(a: readonly Host[], b: readonly Host[], share = 0): string | null {
  for (const [i, host] of a.entries()) {
    const [x, y] = [decode(host), decode(b[i] as Host)];
    for (let j = 0; j < x.length; j++) {
      const [p, q] = [x[j] as number, y[j] as number];
      if (sameBits(p, q) || Math.abs(p - q) <= share * Math.max(1, Math.abs(p), Math.abs(q))) continue;
      return `output ${i} [${j}]: ${p} and ${q}`;
    }
  }
  return null;
}
