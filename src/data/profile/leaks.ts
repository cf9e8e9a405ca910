/** How a column gives another away. */
import { type Column, columnLength, valueAt } from "../table/table.ts";

const MOST_CORRELATED = 0.999;

/** In words, or null. Rows where either is missing do not count. */
export function associationWith(target: Column, column: Column): string | null {
  if (isNumeric(target) && isNumeric(column)) {
    const r = correlation(target.values, column.values);
    if (Math.abs(r) > MOST_CORRELATED) return `its correlation with it is ${r.toFixed(4)}`;
    if (!isNumeric(target)) return null;
  }
  return determines(column, target) ? "each of its values comes with one value of the target only" : null;
}

const isNumeric = (column: Column): column is Extract<Column, { kind: "number" | "date" }> =>
  column.kind === "number" || column.kind === "date";

/** Pearson's, of the rows that have both; NaN where one of them is constant there. */
export function correlation(x: Float64Array, y: Float64Array): number {
  let [n, meanX, meanY, xx, yy, xy] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [a, b] = [x[i] as number, y[i] as number];
    if (!Number.isFinite(a) || !Number.isFinite(b)) continue;
    n++;
    // Welford's way: no digits lost to a large mean.
    const [dx, dy] = [a - meanX, b - meanY];
    meanX += dx / n;
    meanY += dy / n;
    xx += dx * (a - meanX);
    yy += dy * (b - meanY);
    xy += dx * (b - meanY);
  }
  return n < 3 ? Number.NaN : xy / Math.sqrt(xx * yy);
}

/** Whether each of its values comes with one value of the target; twice on average at least, and the target has more than one. */
function determines(column: Column, target: Column): boolean {
  const found = new Map<number | string, number | string>();
  const values = new Set<number | string>();
  let rows = 0;
  for (let row = 0; row < columnLength(column); row++) {
    const [value, goal] = [valueAt(column, row), valueAt(target, row)];
    if (value === null || goal === null) continue;
    rows++;
    values.add(goal);
    const before = found.get(value);
    if (before === undefined) found.set(value, goal);
    else if (before !== goal) return false;
  }
  return values.size > 1 && rows >= 2 * found.size && rows >= 10;
}
