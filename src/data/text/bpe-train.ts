/** Learns the merges of byte-pair encoding: the most frequent pair of neighbours becomes a token, again and again. */
import { ConfigError, optionNames, rejectUnknown } from "../../util/index.ts";
import { BpeTokenizer } from "./bpe.ts";
import { letterOf, toLetters } from "./byte-letters.ts";
import { Heap } from "./heap.ts";
import { pieces } from "./pieces.ts";
import { toUtf8 } from "./utf8.ts";
import { byCodeUnits, checkSpecial, countUnits, requireWhole, type Texts } from "./vocabulary.ts";

export interface BpeOptions {
  /** Tokens there are to be, the 256 bytes and the special ones included. Fewer when no pair is left. */
  readonly size: number;
  /** Pairs that are seldomer are not merged; default 2. */
  readonly minFrequency?: number;
  /** Special tokens, numbered first. */
  readonly special?: readonly string[];
}

/** A pair of tokens, how often it is met, and the pieces it is in (or was). */
interface Pair {
  readonly left: number;
  readonly right: number;
  count: number;
  readonly pieces: Set<number>;
}

/** A pair as it was when it was put into the heap. */
interface Entry {
  readonly pair: Pair;
  readonly count: number;
}

// Of equally frequent pairs the one of the lower numbers, left before right.
const before = (a: Entry, b: Entry): boolean =>
  a.count !== b.count
    ? a.count > b.count
    : a.pair.left !== b.pair.left
      ? a.pair.left < b.pair.left
      : a.pair.right < b.pair.right;

/**
 * Byte-level byte-pair encoding, learnt from texts: special tokens, the 256 bytes, then a token for each merge. Texts are cut into
 * GPT-2's pieces, which no token goes beyond. Of equally frequent pairs the one with the lower numbers is merged first, so the result
 * depends on nothing but the texts and options. Counts are kept up to date piece by piece: a merge costs what the pieces that have it
 * are long.
 * @throws ConfigError for options that are unknown or wrong; DataError when a text is no string.
 * @example
 * const tokenizer = trainBpe(["low lower lowest"], { size: 260 });
 * tokenizer.decode(tokenizer.encode("slow 🙂")); // "slow 🙂"
 * @see Sennrich, Haddow and Birch: Neural machine translation of rare words with subword units, 2016
 * @see Radford et al.: Language models are unsupervised multitask learners, 2019
 */
export function trainBpe(texts: Texts, options: BpeOptions): BpeTokenizer {
  const op = "trainBpe";
  rejectUnknown(op, options, optionNames<BpeOptions>({ size: true, minFrequency: true, special: true }));
  const { size, minFrequency = 2, special = [] } = options;
  checkSpecial(op, special);
  for (const token of special) {
    if (letterOf.includes(token)) {
      throw new ConfigError(
        `${op}: a special token must not be a byte's letter; got ${JSON.stringify(token)}.`,
      );
    }
  }
  requireWhole(op, "size", size, 256 + special.length);
  requireWhole(op, "minFrequency", minFrequency, 1);
  const tokens = [...special, ...letterOf.toSorted(byCodeUnits)];
  const merges = new Merges(countUnits(texts, pieces), tokens, special.length);
  while (tokens.length < size && merges.next(minFrequency));
  const vocabulary = new Map(tokens.map((token, id) => [token, id]));
  return new BpeTokenizer(vocabulary, merges.done, special);
}

class Merges {
  readonly done: [string, string][] = [];
  readonly #tokens: string[];
  readonly #special: ReadonlySet<string>;
  readonly #ids: Map<string, number>;
  readonly #pieces: number[][] = [];
  readonly #counts: number[] = [];
  readonly #pairs = new Map<number, Pair>();
  readonly #heap = new Heap<Entry>(before);

  constructor(counts: ReadonlyMap<string, number>, tokens: string[], special: number) {
    this.#tokens = tokens;
    this.#special = new Set(tokens.slice(0, special));
    this.#ids = new Map(tokens.slice(special).map((token, i) => [token, special + i]));
    for (const [piece, count] of counts) {
      const letters = [...toLetters(toUtf8(piece))];
      this.#pieces.push(letters.map((letter) => this.#ids.get(letter) as number));
      this.#counts.push(count);
    }
    for (let at = 0; at < this.#pieces.length; at++) this.#count(at, 1);
    for (const pair of this.#pairs.values()) this.#heap.push({ pair, count: pair.count });
  }

  /** Does the next merge. False where no pair is frequent enough. */
  next(minFrequency: number): boolean {
    for (;;) {
      const entry = this.#heap.pop();
      if (entry === undefined) return false;
      const { pair, count } = entry;
      if (pair.count !== count) {
        // Its count fell since it was put here, or another entry of it has the count it rose to.
        if (pair.count > 0 && pair.count < count) this.#heap.push({ pair, count: pair.count });
        continue;
      }
      if (count < minFrequency) return false;
      // A special token is never spelt by a text: a merge that would spell one is left out.
      if (this.#special.has((this.#tokens[pair.left] as string) + this.#tokens[pair.right])) continue;
      this.#merge(pair);
      return true;
    }
  }

  #merge(pair: Pair): void {
    const [left, right] = [this.#tokens[pair.left] as string, this.#tokens[pair.right] as string];
    let merged = this.#ids.get(left + right);
    if (merged === undefined) {
      merged = this.#tokens.push(left + right) - 1;
      this.#ids.set(left + right, merged);
    }
    this.done.push([left, right]);
    const rose = new Set<Pair>();
    for (const at of pair.pieces) {
      this.#count(at, -1);
      this.#pieces[at] = replace(this.#pieces[at] as number[], pair, merged);
      for (const met of this.#count(at, 1)) {
        if (met.left === merged || met.right === merged) rose.add(met);
      }
    }
    pair.count = 0;
    pair.pieces.clear();
    for (const met of rose) this.#heap.push({ pair: met, count: met.count });
  }

  /** Adds a piece's pairs to the counts, or takes them away. */
  #count(at: number, sign: 1 | -1): Pair[] {
    const piece = this.#pieces[at] as number[];
    const weight = sign * (this.#counts[at] as number);
    const met: Pair[] = [];
    for (let i = 0; i + 1 < piece.length; i++) {
      const [left, right] = [piece[i] as number, piece[i + 1] as number];
      const key = left * 0x4000000 + right;
      let pair = this.#pairs.get(key);
      if (pair === undefined) {
        pair = { left, right, count: 0, pieces: new Set() };
        this.#pairs.set(key, pair);
      }
      pair.count += weight;
      pair.pieces.add(at);
      met.push(pair);
    }
    return met;
  }
}

/** Every occurrence of the pair, from the left. */
function replace(piece: readonly number[], { left, right }: Pair, merged: number): number[] {
  const next: number[] = [];
  for (let i = 0; i < piece.length; i++) {
    const found = piece[i] === left && piece[i + 1] === right;
    next.push(found ? merged : (piece[i] as number));
    if (found) i++;
  }
  return next;
}
