/** Checks of options that JavaScript callers can get wrong. */
import { ConfigError } from "../util/index.ts";
import { suggestion } from "./nearest.ts";

/** Throws ConfigError for an option that does not exist, naming the nearest that does. */
export function rejectUnknown(op: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!known.includes(name))
      throw new ConfigError(`${op}: there is no option "${name}".${suggestion(name, known)}`);
  }
}

/** Throws ConfigError unless `value` is a whole number of at least `least`. */
export function wholeNumber(op: string, name: string, value: unknown, least: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least) {
    throw new ConfigError(
      `${op}: ${name} must be a whole number of at least ${least}; got ${String(value)}.`,
    );
  }
  return value;
}
