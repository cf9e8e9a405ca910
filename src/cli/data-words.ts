/** How nabla data words what it found. */
import CliTable from "cli-table3";
import type { ColumnProfile, HostArray, TableProfile } from "../data/index.ts";
import { formatShape } from "../util/index.ts";

const bars = " ▁▂▃▄▅▆▇█";

/** A bar a bin; what is there at all is seen. */
export function sparkline(counts: readonly number[]): string {
  const most = Math.max(1, ...counts);
  return counts.map((count) => bars[count === 0 ? 0 : Math.max(1, Math.round((8 * count) / most))]).join("");
}

const shown = (value: number): string =>
  Number.isInteger(value) && Math.abs(value) < 1e7 ? String(value) : String(Number(value.toPrecision(4)));
const date = (time: number): string => new Date(time).toISOString().replace(/T00:00:00.000Z$/, "");
const short = (text: string): string => (text.length > 16 ? `${text.slice(0, 15)}…` : text);

export function profileText(title: string, profile: TableProfile): string {
  const table = new CliTable({
    head: ["column", "type", "missing", "distinct", "range", "mean ± deviation", "values"],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", "left", "right", "right", "left", "left", "left"],
  });
  for (const column of profile.columns) {
    const part = profile.rows === 0 ? 0 : column.missing / profile.rows;
    table.push([
      short(column.name),
      column.kind,
      column.missing === 0 ? "" : `${(100 * part).toFixed(1)} %`,
      column.distinct,
      range(column),
      column.kind === "number" && column.numbers
        ? `${shown(column.numbers.mean)} ± ${shown(column.numbers.deviation)}`
        : "",
      values(column, profile.rows),
    ]);
  }
  const warnings = profile.warnings.map(({ message }) => `! ${message}`);
  return [
    `${title}: ${profile.rows} rows, ${profile.columns.length} columns`,
    table.toString(),
    ...warnings,
  ].join("\n");
}

function range({ kind, numbers }: ColumnProfile): string {
  if (numbers === null) return "";
  const show = kind === "date" ? date : shown;
  return `${show(numbers.min)} to ${show(numbers.max)}`;
}

function values({ numbers, top }: ColumnProfile, rows: number): string {
  if (numbers !== null) return sparkline(numbers.histogram.counts);
  const first = top
    .slice(0, 3)
    .map(({ value, count }) => `${short(value)} ${Math.round((100 * count) / rows)} %`);
  return first.join(", ") + (top.length > 3 ? ", …" : "");
}

export interface ArrayProfile {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly nonFinite: number;
  /** Of whole numbers that are at most 100: how often each comes. */
  readonly classes: Readonly<Record<string, number>> | null;
}

export function profileArray(
  name: string,
  { shape, data }: Pick<HostArray, "shape"> & { readonly data: ArrayLike<number> },
  dtype: string,
): ArrayProfile {
  let [min, max, mean, finite] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  const classes = new Map<number, number>();
  let labels = shape.length === 1;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    labels &&= Number.isInteger(value) && value >= 0;
    if (labels) classes.set(value, (classes.get(value) ?? 0) + 1);
    if (classes.size > 100) labels = false;
    if (!Number.isFinite(value)) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    mean += (value - mean) / ++finite;
  }
  const counts = [...classes]
    .sort(([a], [b]) => a - b)
    .map(([value, count]): [string, number] => [String(value), count]);
  return {
    name,
    shape,
    dtype,
    min,
    max,
    mean,
    nonFinite: data.length - finite,
    classes: labels && counts.length > 0 ? Object.fromEntries(counts) : null,
  };
}

export function arrayText({ name, shape, dtype, min, max, mean, nonFinite, classes }: ArrayProfile): string {
  const lines = [
    `${name}: ${dtype}${formatShape(shape)}, ${shown(min)} to ${shown(max)}, mean ${shown(mean)}`,
  ];
  if (nonFinite > 0) lines.push(`! ${nonFinite} values are NaN or infinite`);
  if (classes !== null) {
    const counts = Object.values(classes);
    lines.push(
      `${counts.length} different values, each ${Math.min(...counts)} to ${Math.max(...counts)} times`,
    );
    lines.push(sparkline(counts));
  }
  return lines.join("\n");
}
