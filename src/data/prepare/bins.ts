/** Numbers into a few ranges, as categories. */
import { z } from "zod";
import { ConfigError, optionNames, rejectUnknown } from "../../util/index.ts";
import { operation, quantile, sortedValues, type Transform } from "./operation.ts";

/** Inner edges, in increasing order. */
const schema = z.strictObject({
  edges: z
    .array(z.number())
    .refine((edges) => edges.every((edge, i) => i === 0 || edge > Number(edges[i - 1])), {
      message: "edges must increase",
    }),
});

export const binning = operation("bins", ["number"], schema, (column, { edges }) => {
  if (column.kind !== "number") return [column];
  const codes = Int32Array.from(column.values, (value) => (Number.isNaN(value) ? -1 : binOf(edges, value)));
  return [{ kind: "category", name: column.name, codes, categories: labels(edges) }];
});

/** Edges that are not above the value, by bisection. */
function binOf(edges: readonly number[], value: number): number {
  let [low, high] = [0, edges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((edges[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Ordered by number also as strings, so that the first is the lowest range wherever categories are sorted. */
function labels(edges: readonly number[]): string[] {
  const digits = String(edges.length).length;
  return Array.from({ length: edges.length + 1 }, (_, bin) => {
    const place = String(bin).padStart(digits, "0");
    const [from, to] = [edges[bin - 1], edges[bin]];
    return `${place} ${from === undefined ? "(-inf" : `[${from}`}, ${to === undefined ? "inf" : to})`;
  });
}

export interface BinsOptions {
  /** At least 2. Default 5. */
  readonly count?: number;
  /** Equal widths between the training part's extremes, or equally many rows ("quantile", the default). */
  readonly by?: "uniform" | "quantile";
}

const binsOptions = optionNames<BinsOptions>({ count: true, by: true });

/**
 * The range a number lies in, as a category: `oneHot()` or `ordinal()` makes numbers of it. Outer ranges are open, edges that fall
 * together are one, missing stays missing.
 *
 * @throws ConfigError for a count below 2 or an unknown way.
 * @example pipeline([on(["age"], bins({ count: 4 }), oneHot())]);
 */
export function bins(options: BinsOptions = {}): Transform {
  rejectUnknown("bins", options, binsOptions);
  const { count = 5, by = "quantile" } = options;
  if (!Number.isSafeInteger(count) || count < 2) {
    throw new ConfigError(`bins: count must be a whole number of at least 2; got ${count}.`);
  }
  if (by !== "quantile" && by !== "uniform") {
    throw new ConfigError(`bins: by must be "quantile" or "uniform"; got ${JSON.stringify(by)}.`);
  }
  return {
    operation: binning,
    fit(column) {
      const sorted = sortedValues(column);
      const [min = 0, max = min] = [sorted[0], sorted.at(-1)];
      const all = Array.from({ length: count - 1 }, (_, i) => {
        const share = (i + 1) / count;
        return by === "uniform" ? min + (max - min) * share : quantile(sorted, share);
      });
      return { edges: all.filter((edge, i) => edge > (i === 0 ? min : Number(all[i - 1])) && edge < max) };
    },
  };
}
