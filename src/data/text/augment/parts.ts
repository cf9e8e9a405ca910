/** What of a text is moved about: words between spaces, or characters and the words of a lexicon where there are no spaces. */
import { graphemes } from "./graphemes.ts";
import type { Lexicon } from "./lexicon.ts";

export type TextUnits = "words" | "characters";

const alphabetic = /^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{N}]/u;

/** In characters: a word of the lexicon where one begins, the longest of them, else a run of letters of an alphabet, else a character. */
export function splitParts(text: string, units: TextUnits, lexicon: Lexicon | null): string[] {
  if (units === "words") return text.split(/\p{White_Space}+/u).filter((word) => word !== "");
  const characters = graphemes(text);
  const parts: string[] = [];
  for (let at = 0; at < characters.length; ) {
    let length = longestWord(characters, at, lexicon);
    if (length === 0) {
      while (alphabetic.test(characters[at + length] ?? "")) length++;
    }
    length = Math.max(1, length);
    parts.push(characters.slice(at, at + length).join(""));
    at += length;
  }
  return parts;
}

function longestWord(characters: readonly string[], at: number, lexicon: Lexicon | null): number {
  for (let length = Math.min(lexicon?.longest ?? 0, characters.length - at); length > 0; length--) {
    if (lexicon?.of(characters.slice(at, at + length).join("")).length) return length;
  }
  return 0;
}

export const joinParts = (parts: readonly string[], units: TextUnits): string =>
  parts.join(units === "words" ? " " : "");

/** The word without signs before and after it, which a synonym takes over. */
const bare = /^([^\p{L}\p{N}]*)(.*?)([^\p{L}\p{N}]*)$/su;

/** Synonyms of a part. */
export const synonymsOf = (part: string, lexicon: Lexicon): readonly string[] =>
  lexicon.of(bare.exec(part)?.[2] ?? part);

/** The synonym with the signs around the part, and as it is with capitals. */
export function inPlaceOf(part: string, synonym: string): string {
  const [, start = "", word = "", end = ""] = bare.exec(part) ?? [];
  return `${start}${capitalsOf(word, synonym)}${end}`;
}

function capitalsOf(word: string, synonym: string): string {
  const [first = "", ...rest] = word;
  if (first === first.toLowerCase()) return synonym;
  if (rest.length > 0 && word === word.toUpperCase()) return synonym.toUpperCase();
  const [initial = "", ...others] = synonym;
  return initial.toUpperCase() + others.join("");
}
