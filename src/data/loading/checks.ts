/** What the samplers, the loader and streams check of their options alike. */
import { ConfigError } from "../../util/index.ts";

/** Throws ConfigError unless `value` is a whole number of at least `least`. */
export function whole(op: string, name: string, value: unknown, least: number): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
  throw new ConfigError(`${op}: ${name} must be a whole number of at least ${least}; got ${String(value)}.`);
}

/** Throws ConfigError unless a sampler was made for as many rows as there are. */
export function sameLength(op: string, name: string, own: number, length: number): void {
  if (own === length) return;
  throw new ConfigError(`${op}: ${name} must be one a row; got ${own} for ${length} rows.`);
}

/** A short name of a list of numbers (FNV-1a over their bits): equal lists have equal names. */
export function fingerprint(values: ArrayLike<number>): string {
  const bytes = new Uint8Array(Float64Array.from(values).buffer);
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16);
}
