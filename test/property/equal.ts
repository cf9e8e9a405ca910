/** Comparing results of random graphs to the bit. */
import type { Host } from "../sweep/host.ts";
import { decode } from "../sweep/host.ts";

const sameBits = (a: number, b: number) => a === b || (Number.isNaN(a) && Number.isNaN(b));

/** The first place where two lists of results differ in a bit (NaNs are one), or null. */
export function firstDifference(a: readonly Host[], b: readonly Host[]): string | null {
  for (const [i, host] of a.entries()) {
    const [x, y] = [decode(host), decode(b[i] as Host)];
    const j = x.findIndex((value, at) => !sameBits(value, y[at] as number));
    if (j >= 0) return `output ${i} [${j}]: ${x[j]} and ${y[j]}`;
  }
  return null;
}
