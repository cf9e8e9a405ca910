/** A small loss curve for the terminal. */
import asciichart from "asciichart";

/** Keeps at most `capacity` points of a series of any length, by merging neighbours when it is full. */
export class Series {
  readonly #capacity: number;
  #points: { sum: number; count: number }[] = [];
  #perPoint = 1;

  constructor(capacity = 512) {
    this.#capacity = capacity;
  }

  /** Adds `value`, which stands for `weight` steps. */
  add(value: number, weight: number): void {
    if (!Number.isFinite(value)) return;
    const last = this.#points.at(-1);
    if (last && last.count < this.#perPoint) {
      last.sum += value * weight;
      last.count += weight;
    } else this.#points.push({ sum: value * weight, count: weight });
    if (this.#points.length > this.#capacity) this.#merge();
  }

  #merge(): void {
    this.#perPoint *= 2;
    const merged: { sum: number; count: number }[] = [];
    for (let i = 0; i < this.#points.length; i += 2) {
      const [a, b] = [this.#points[i] as { sum: number; count: number }, this.#points[i + 1]];
      merged.push(b ? { sum: a.sum + b.sum, count: a.count + b.count } : a);
    }
    this.#points = merged;
  }

  get values(): number[] {
    return this.#points.map(({ sum, count }) => sum / count);
  }
}

/** Values averaged or stretched onto `width` columns. */
export function resample(values: readonly number[], width: number): number[] {
  if (values.length === 0) return [];
  return Array.from({ length: width }, (_, column) => {
    const from = (column * values.length) / width;
    const to = Math.max(from + 1, ((column + 1) * values.length) / width);
    const part = values.slice(Math.floor(from), Math.max(Math.floor(from) + 1, Math.floor(to)));
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}

/** The curve as lines of text under its title; empty with fewer than three points. */
export function plotCurve(title: string, values: readonly number[], width = 60, height = 8): string {
  if (values.length < 3) return "";
  const columns = Math.min(width, Math.max(values.length, 20));
  const format = (value: number) => value.toPrecision(3).slice(0, 7).padStart(8);
  return `${title}\n${asciichart.plot(resample(values, columns), { height, format })}`;
}
