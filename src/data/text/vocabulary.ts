/** A vocabulary: tokens and their numbers, special ones first. */
import { ConfigError, DataError } from "../../util/index.ts";

/** Texts, one after the other: a list, or whatever gives them when they are asked for. */
export type Texts = Iterable<string>;

/** Tokens by number; the first of them are special. */
export class Vocabulary {
  readonly #ids: ReadonlyMap<string, number>;

  constructor(
    readonly tokens: readonly string[],
    readonly special: readonly string[],
  ) {
    this.#ids = new Map(tokens.map((token, id) => [token, id]));
    if (this.#ids.size < tokens.length) {
      const twice = tokens.find((token, id) => this.#ids.get(token) !== id);
      throw new ConfigError(`vocabulary: tokens must differ; got ${JSON.stringify(twice)} twice.`);
    }
  }

  id(token: string): number | undefined {
    return this.#ids.get(token);
  }

  token(id: number): string {
    const token = this.tokens[id];
    if (token === undefined) {
      throw new DataError(
        `tokenizer: numbers must be whole and in [0, ${this.tokens.length}); got ${String(id)}.`,
      );
    }
    return token;
  }
}

/** How often each unit occurs. */
export function countUnits(texts: Texts, split: (text: string) => Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    if (typeof text !== "string")
      throw new DataError(`tokenizer: texts must be strings; got ${typeof text}.`);
    for (const unit of split(text)) counts.set(unit, (counts.get(unit) ?? 0) + 1);
  }
  return counts;
}

/** By UTF-16 code units, whatever the machine's language. */
export const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Throws ConfigError for an option that is not a whole number of at least `least`. */
export function requireWhole(op: string, name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new ConfigError(
      `${op}: ${name} must be a whole number of at least ${least}; got ${String(value)}.`,
    );
  }
}

/** Throws ConfigError for special tokens that are empty or given twice. */
export function checkSpecial(op: string, special: readonly string[]): void {
  for (const [at, token] of special.entries()) {
    if (typeof token !== "string" || token === "" || special.indexOf(token) !== at) {
      throw new ConfigError(
        `${op}: special tokens must be different strings that are not empty; got ${JSON.stringify(token)}.`,
      );
    }
  }
}
