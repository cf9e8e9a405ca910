/** Options that callers of JavaScript, or of a cast, can get wrong by name. */
import { ConfigError } from "./error.ts";
import { suggestion } from "./nearest.ts";

/** The names of all options of a type: one that is missing or too many does not compile. */
export const optionNames = <O extends object>(names: Readonly<Record<keyof O, true>>): readonly string[] =>
  Object.keys(names);

/** Throws ConfigError for an option that does not exist, naming the nearest that does. */
export function rejectUnknown(op: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!known.includes(name))
      throw new ConfigError(`${op}: there is no option "${name}".${suggestion(name, known)}`);
  }
}
