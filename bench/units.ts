/** From seconds to what a benchmark shows. */
import type { Bench } from "./job.ts";

const secondsIn: Readonly<Record<string, number>> = { s: 1, ms: 1e-3, µs: 1e-6 };

/** `seconds` for `count` of what the unit counts, in that unit: a rate, or with `lowerIsBetter` the time of one. */
export function inUnit(bench: Pick<Bench, "unit" | "lowerIsBetter">, count: number, seconds: number): number {
  if (!bench.lowerIsBetter) return count / seconds;
  const unit = secondsIn[bench.unit];
  if (unit === undefined) throw new Error(`a time must be in ${Object.keys(secondsIn)}; got ${bench.unit}.`);
  return seconds / count / unit;
}
