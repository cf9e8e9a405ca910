/** What one column is like: its values' range and spread, or how often each comes. */
import type { Column } from "../table/table.ts";
import { columnLength } from "../table/table.ts";

export interface Histogram {
  readonly from: number;
  readonly to: number;
  /** Of equal widths. */
  readonly counts: readonly number[];
}

export interface NumberFacts {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Of the population. */
  readonly deviation: number;
  /** The quartiles, between values by linear interpolation, as NumPy's default. */
  readonly quartiles: readonly [number, number, number];
  readonly histogram: Histogram;
}

export interface ColumnProfile {
  readonly name: string;
  readonly kind: Column["kind"];
  readonly missing: number;
  readonly distinct: number;
  /** Of numbers and dates; null where all are missing. */
  readonly numbers: NumberFacts | null;
  /** Of categories and text, the most frequent first, ten at most. */
  readonly top: readonly { readonly value: string; readonly count: number }[];
}

/** Infinite values are left out of all but the range. */
export function profileColumn(column: Column, bins: number): ColumnProfile {
  const base = { name: column.name, kind: column.kind };
  if (column.kind === "number" || column.kind === "date") {
    const present = column.values.filter((value) => !Number.isNaN(value)).sort();
    let distinct = 0;
    for (let i = 0; i < present.length; i++) if (i === 0 || present[i] !== present[i - 1]) distinct++;
    const numbers = present.length === 0 ? null : facts(present, bins);
    return { ...base, missing: column.values.length - present.length, distinct, numbers, top: [] };
  }
  const counts = new Map<string, number>();
  let missing = 0;
  for (let row = 0; row < columnLength(column); row++) {
    const value =
      column.kind === "text" ? column.values[row] : (column.categories[column.codes[row] as number] ?? null);
    if (value === null || value === undefined) missing++;
    else counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const top = [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count);
  return { ...base, missing, distinct: counts.size, numbers: null, top: top.slice(0, 10) };
}

/** Of sorted values, at least one. */
function facts(sorted: Float64Array, bins: number): NumberFacts {
  const finite = sorted.filter(Number.isFinite);
  let mean = 0;
  // Running, so that large numbers do not overflow a sum.
  for (let i = 0; i < finite.length; i++) mean += ((finite[i] as number) - mean) / (i + 1);
  let variance = 0;
  for (let i = 0; i < finite.length; i++) {
    variance += (((finite[i] as number) - mean) ** 2 - variance) / (i + 1);
  }
  return {
    min: sorted[0] as number,
    max: sorted.at(-1) as number,
    mean: finite.length === 0 ? Number.NaN : mean,
    deviation: finite.length === 0 ? Number.NaN : Math.sqrt(variance),
    quartiles: [quantile(finite, 0.25), quantile(finite, 0.5), quantile(finite, 0.75)],
    histogram: histogram(finite, bins),
  };
}

/** Between the two nearest values by linear interpolation; NaN of none. */
export function quantile(sorted: Float64Array, part: number): number {
  const at = part * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

export function histogram(sorted: Float64Array, bins: number): Histogram {
  const [from, to] = [sorted[0] ?? 0, sorted.at(-1) ?? 0];
  const counts = Array.from({ length: bins }, () => 0);
  for (const value of sorted) {
    // A half of each: the width of a range may be infinite though its ends are not.
    const part = to === from ? 0 : (value / 2 - from / 2) / (to / 2 - from / 2);
    const bin = Math.min(bins - 1, Math.floor(part * bins));
    counts[bin] = (counts[bin] as number) + 1;
  }
  return { from, to, counts };
}
