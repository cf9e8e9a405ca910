/** What the constructors of metrics check alike. */
import { ConfigError } from "../util/index.ts";

/** Throws ConfigError unless the value is a whole number of at least `least`. */
export function requireWhole(op: string, what: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new ConfigError(`${op}: ${what} must be a whole number of at least ${least}; got ${value}.`);
}

export interface IgnoreOptions {
  /** Rows with this class number do not count, as in `crossEntropy`. Default: none. */
  readonly ignoreIndex?: number;
}

/** Throws ConfigError unless ignoreIndex is an integer or absent. */
export function requireIgnore(op: string, { ignoreIndex }: IgnoreOptions): void {
  if (ignoreIndex === undefined || Number.isInteger(ignoreIndex)) return;
  throw new ConfigError(`${op}: ignoreIndex must be an integer; got ${ignoreIndex}.`);
}
