/** The operations of easy data augmentation, on the parts of a text. */
import type { Draws } from "./draws.ts";
import type { Lexicon } from "./lexicon.ts";
import { inPlaceOf, synonymsOf } from "./parts.ts";

/** What an operation works with: parts that are not empty, the strength in [0, 1], and the parts that it is, at least 1. */
export interface Work {
  readonly parts: readonly string[];
  readonly alpha: number;
  readonly count: number;
  readonly lexicon: Lexicon;
  readonly stopWords: ReadonlySet<string>;
  readonly draws: Draws;
}

/** Places of words that have synonyms and are no stop words. */
function replaceable({ parts, lexicon, stopWords }: Work): number[] {
  const places = Array.from(parts.keys());
  return places.filter((at) => {
    const part = parts[at] as string;
    return synonymsOf(part, lexicon).length > 0 && !stopWords.has(part.toLowerCase());
  });
}

export const operations = {
  /** `count` words become one of their synonyms each. */
  synonym(work: Work): string[] {
    const next = [...work.parts];
    for (const at of work.draws.some(replaceable(work), work.count)) {
      const part = next[at] as string;
      next[at] = inPlaceOf(part, work.draws.one(synonymsOf(part, work.lexicon)));
    }
    return next;
  },

  /** `count` times a synonym of a word of the text is put somewhere. */
  insert(work: Work): string[] {
    const next = [...work.parts];
    const places = replaceable(work);
    if (places.length === 0) return next;
    for (let i = 0; i < work.count; i++) {
      const word = work.parts[work.draws.one(places)] as string;
      next.splice(work.draws.below(next.length + 1), 0, work.draws.one(synonymsOf(word, work.lexicon)));
    }
    return next;
  },

  /** `count` times two parts change places. */
  swap({ parts, count, draws }: Work): string[] {
    const next = [...parts];
    if (parts.length < 2) return next;
    for (let i = 0; i < count; i++) {
      const from = draws.below(next.length);
      const to = (from + 1 + draws.below(next.length - 1)) % next.length;
      [next[from], next[to]] = [next[to] as string, next[from] as string];
    }
    return next;
  },

  /** Each part goes with probability alpha; where all would, one stays. */
  delete({ parts, alpha, draws }: Work): string[] {
    const next = parts.filter(() => draws.uniform() >= alpha);
    return next.length > 0 ? next : [draws.one(parts)];
  },

  /** `count` parts in a row go, but one stays. */
  cut({ parts, count, draws }: Work): string[] {
    const length = Math.min(count, parts.length - 1);
    const from = draws.below(parts.length - length + 1);
    return [...parts.slice(0, from), ...parts.slice(from + length)];
  },
} satisfies Record<string, (work: Work) => string[]>;

export type TextOperation = keyof typeof operations;
export const operationNames = Object.keys(operations) as readonly TextOperation[];
