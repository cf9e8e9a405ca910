/** What a number an optimizer or a schedule is given may be. */
import { ConfigError } from "../util/index.ts";

export interface Range {
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
  readonly below?: number;
}

/** Throws ConfigError for a number that is not finite or out of its range. */
export function checkRange(op: string, name: string, value: number, range: Range = {}): void {
  const { min, max, above, below } = range;
  const fits =
    Number.isFinite(value) &&
    (min === undefined || value >= min) &&
    (max === undefined || value <= max) &&
    (above === undefined || value > above) &&
    (below === undefined || value < below);
  if (fits) return;
  const limits = [
    min === undefined ? "" : `at least ${min}`,
    max === undefined ? "" : `at most ${max}`,
    above === undefined ? "" : `above ${above}`,
    below === undefined ? "" : `below ${below}`,
  ].filter((limit) => limit !== "");
  throw new ConfigError(`${op}: ${name} must be ${limits.join(" and ") || "a finite number"}; got ${value}.`);
}

/** Throws ConfigError unless the value is a whole number of at least `least`. */
export function checkWhole(op: string, name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new ConfigError(`${op}: ${name} must be a whole number of at least ${least}; got ${value}.`);
}

/** Throws ConfigError for the first of `values` that is not finite. */
export function checkFinite(op: string, values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values)) checkRange(op, name, value);
}
