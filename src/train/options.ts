/** Checks of options that JavaScript callers can get wrong. */
import { ConfigError } from "../util/index.ts";

export { rejectUnknown } from "../util/index.ts";

/** Throws ConfigError unless `value` is a whole number of at least `least`. */
export function wholeNumber(op: string, name: string, value: unknown, least: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least) {
    throw new ConfigError(
      `${op}: ${name} must be a whole number of at least ${least}; got ${String(value)}.`,
    );
  }
  return value;
}
