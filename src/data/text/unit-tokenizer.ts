/** Tokenizers whose tokens are units of the text as it stands: characters, or words. */
import { ConfigError, DataError, optionNames, rejectUnknown } from "../../util/index.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { byCodeUnits, checkSpecial, countUnits, requireWhole, type Texts, Vocabulary } from "./vocabulary.ts";

/** How a text is cut: by code points, by graphemes (what a reader takes for one character), into words, or into lower-case words. */
export type Unit = "codePoint" | "grapheme" | "word" | "lowerCaseWord";

const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" });
// A word may hold apostrophes and hyphens, but not end in one; what is no word and no space is a word of one character.
const words = /[\p{L}\p{M}\p{N}_]+(?:['’-][\p{L}\p{M}\p{N}_]+)*|[^\p{White_Space}]/gu;

const cut: Readonly<Record<Unit, (text: string) => Iterable<string>>> = {
  codePoint: (text) => text,
  grapheme: (text) => Array.from(segmenter.segment(text), ({ segment }) => segment),
  word: (text) => text.match(words) ?? [],
  lowerCaseWord: (text) => text.toLowerCase().match(words) ?? [],
};

/** A tokenizer of units, from its parts. Made by `charTokenizer` and `wordTokenizer`. Throws ConfigError for parts that do not fit. */
export class UnitTokenizer implements Tokenizer {
  readonly kind: "char" | "word";
  readonly #vocabulary: Vocabulary;

  constructor(
    readonly unit: Unit,
    tokens: readonly string[],
    readonly special: readonly string[],
    readonly unknown: string | null,
  ) {
    this.kind = unit === "word" || unit === "lowerCaseWord" ? "word" : "char";
    this.#vocabulary = new Vocabulary([...special, ...tokens], special);
    if (unknown !== null && !special.includes(unknown)) {
      throw new ConfigError(
        `tokenizer: the unknown token must be one of the special ones; ${JSON.stringify(unknown)} is not.`,
      );
    }
  }

  get size(): number {
    return this.#vocabulary.tokens.length;
  }

  /** Those that are not special, in the order of their numbers. */
  get tokens(): readonly string[] {
    return this.#vocabulary.tokens.slice(this.special.length);
  }

  encode(text: string): Int32Array {
    const unknown = this.unknown === null ? undefined : this.#vocabulary.id(this.unknown);
    const first = this.special.length;
    return Int32Array.from(cut[this.unit](text), (unit) => {
      const id = this.#vocabulary.id(unit);
      // A text that spells a special token does not thereby have it.
      if (id !== undefined && id >= first) return id;
      if (unknown !== undefined) return unknown;
      throw new DataError(
        `tokenizer: each ${this.unit} must be in the vocabulary; got ${JSON.stringify(unit)}. Name an unknown token, or make the vocabulary of more text.`,
      );
    });
  }

  decode(ids: Iterable<number>): string {
    const all = Array.from(ids, (id) => ({ id, token: this.token(id) }));
    const plain = all.filter(({ id }) => id >= this.special.length).map(({ token }) => token);
    return plain.join(this.kind === "word" ? " " : "");
  }

  id(token: string): number | undefined {
    return this.#vocabulary.id(token);
  }

  token(id: number): string {
    return this.#vocabulary.token(id);
  }
}

export interface CharTokenizerOptions {
  /** "codePoint" (default), or "grapheme": an emoji with its modifiers, a letter with its accents. */
  readonly unit?: "codePoint" | "grapheme";
  /** The special token for what is outside the vocabulary; default none, and then such text is an error. */
  readonly unknown?: string;
  /** Further special tokens, numbered first. */
  readonly special?: readonly string[];
  /** Characters that are seldomer are left out; default 1. */
  readonly minFrequency?: number;
}

export interface WordTokenizerOptions {
  /** Default 1. */
  readonly minFrequency?: number;
  /** The most tokens, special ones included; the most frequent words stay. Default: no bound. */
  readonly maxSize?: number;
  /** The special token for other words; default "<unk>". */
  readonly unknown?: string;
  /** Further special tokens, numbered first. */
  readonly special?: readonly string[];
  /** Default false. */
  readonly lowerCase?: boolean;
}

/**
 * A token for each character of the texts, numbered in the order of their code units after the special ones. `decode(encode(text))`
 * is the text for any text of known characters, lone surrogates included. Graphemes are as the Unicode version of the JavaScript
 * engine has them.
 * @throws ConfigError for unknown or wrong options; DataError when a text is no string.
 * @example charTokenizer(["abba"]).encode("ab"); // Int32Array [0, 1]
 */
export function charTokenizer(texts: Texts, options: CharTokenizerOptions = {}): UnitTokenizer {
  const op = "charTokenizer";
  rejectUnknown(
    op,
    options,
    optionNames<CharTokenizerOptions>({ unit: true, unknown: true, special: true, minFrequency: true }),
  );
  const { unit = "codePoint", minFrequency = 1 } = options;
  if (unit !== "codePoint" && unit !== "grapheme") {
    throw new ConfigError(`${op}: unit must be "codePoint" or "grapheme"; got ${JSON.stringify(unit)}.`);
  }
  requireWhole(op, "minFrequency", minFrequency, 1);
  const special = withUnknown(op, options.special ?? [], options.unknown);
  const counts = countUnits(texts, cut[unit]);
  const tokens = [...counts.keys()].filter((token) => (counts.get(token) ?? 0) >= minFrequency);
  return new UnitTokenizer(
    unit,
    without(tokens, special).sort(byCodeUnits),
    special,
    options.unknown ?? null,
  );
}

/**
 * A token for each word of the texts: letters, digits and marks, with apostrophes and hyphens inside; any other character but space is
 * a word of its own. The most frequent word comes first, equally frequent ones in the order of their code units. `decode` joins by
 * spaces: for words the way back is not exact.
 * @throws ConfigError for unknown or wrong options; DataError when a text is no string.
 * @example
 * const tokenizer = wordTokenizer(["to be or not to be"], { minFrequency: 2 });
 * tokenizer.decode(tokenizer.encode("to be free")); // "to be": the unknown word gives no text
 */
export function wordTokenizer(texts: Texts, options: WordTokenizerOptions = {}): UnitTokenizer {
  const op = "wordTokenizer";
  rejectUnknown(
    op,
    options,
    optionNames<WordTokenizerOptions>({
      minFrequency: true,
      maxSize: true,
      unknown: true,
      special: true,
      lowerCase: true,
    }),
  );
  const {
    minFrequency = 1,
    maxSize = Number.MAX_SAFE_INTEGER,
    unknown = "<unk>",
    lowerCase = false,
  } = options;
  const special = withUnknown(op, options.special ?? [], unknown);
  requireWhole(op, "minFrequency", minFrequency, 1);
  requireWhole(op, "maxSize", maxSize, special.length + 1);
  const unit = lowerCase ? "lowerCaseWord" : "word";
  const counts = countUnits(texts, cut[unit]);
  const count = (token: string): number => counts.get(token) ?? 0;
  const tokens = without([...counts.keys()], special)
    .filter((token) => count(token) >= minFrequency)
    .sort((a, b) => count(b) - count(a) || byCodeUnits(a, b))
    .slice(0, maxSize - special.length);
  return new UnitTokenizer(unit, tokens, special, unknown);
}

const without = (tokens: readonly string[], special: readonly string[]): string[] =>
  tokens.filter((token) => !special.includes(token));

function withUnknown(op: string, special: readonly string[], unknown: string | undefined): readonly string[] {
  const all = unknown === undefined || special.includes(unknown) ? special : [...special, unknown];
  checkSpecial(op, all);
  return all;
}
