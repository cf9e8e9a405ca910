/** Byte-level byte-pair encoding: text to tokens by learnt merges, the first learnt first. */
import { DataError } from "../../util/index.ts";
import { byteOf, fromLetters, letterOf } from "./byte-letters.ts";
import { Heap } from "./heap.ts";
import { pieces } from "./pieces.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { fromUtf8, toUtf8 } from "./utf8.ts";

/** Two neighbours that become one: which merge it is, and where the left one starts. */
interface Candidate {
  readonly rank: number;
  readonly at: number;
  readonly left: number;
  readonly right: number;
}

const first = (a: Candidate, b: Candidate): boolean => a.rank < b.rank || (a.rank === b.rank && a.at < b.at);
const key = (left: number, right: number): number => left * 0x4000000 + right;
const keptPieces = 65_536;

/**
 * Any string comes back from its tokens as it was: there is a token for every byte, and lone surrogates have bytes of their own. What
 * pieces became is kept for the next time, for as many as 65,536 of them.
 * Made by `trainBpe`, `bpeFromFiles` and `bpeFromTokenizerJson`.
 */
export class BpeTokenizer implements Tokenizer {
  readonly kind = "bpe";
  readonly #letters: string[] = [];
  readonly #bytes: (Uint8Array | null)[] = [];
  readonly #byteIds: Int32Array;
  readonly #ranks = new Map<number, { rank: number; merged: number }>();
  readonly #known = new Map<string, readonly number[]>();

  /** Numbers by token, and merges in order, in GPT-2's letters for bytes. Throws DataError where they do not belong together. */
  constructor(
    readonly vocabulary: ReadonlyMap<string, number>,
    readonly merges: readonly (readonly [string, string])[],
    readonly special: readonly string[],
  ) {
    const named = new Set(special);
    for (const [token, id] of vocabulary) {
      if (!Number.isInteger(id) || id < 0 || id >= vocabulary.size || this.#letters[id] !== undefined) {
        throw new DataError(
          `bpe: the numbers of ${vocabulary.size} tokens must be 0 to ${vocabulary.size - 1}, each once; got ${id} for ${JSON.stringify(token)}.`,
        );
      }
      this.#letters[id] = token;
      this.#bytes[id] = named.has(token) ? null : fromLetters(token);
      if (this.#bytes[id] === null && !named.has(token)) {
        throw new DataError(
          `bpe: tokens must be written in GPT-2's letters for bytes; got ${JSON.stringify(token)}. Is it a special token?`,
        );
      }
    }
    for (const token of special) this.#number(token, "special token");
    this.#byteIds = Int32Array.from(letterOf, (letter) => this.#number(letter, "byte"));
    for (const [rank, [left, right]] of merges.entries()) {
      const special = [left, right, left + right].find((token) => named.has(token));
      if (special !== undefined) {
        throw new DataError(
          `bpe: merges must not have special tokens, which no text gives; ${JSON.stringify(special)} is in merge ${rank}.`,
        );
      }
      const at = key(this.#number(left, "merge's part"), this.#number(right, "merge's part"));
      if (!this.#ranks.has(at)) this.#ranks.set(at, { rank, merged: this.#number(left + right, "merge") });
    }
  }

  get size(): number {
    return this.vocabulary.size;
  }

  encode(text: string): Int32Array {
    const ids: number[] = [];
    for (const piece of pieces(text)) {
      let known = this.#known.get(piece);
      if (known === undefined) {
        known = this.#merge(toUtf8(piece));
        if (this.#known.size >= keptPieces) this.#known.clear();
        this.#known.set(piece, known);
      }
      for (const id of known) ids.push(id);
    }
    return Int32Array.from(ids);
  }

  decode(ids: Iterable<number>): string {
    const parts = Array.from(ids, (id) => {
      this.token(id); // throws where there is none
      return this.#bytes[id] ?? new Uint8Array();
    });
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return fromUtf8(bytes);
  }

  id(token: string): number | undefined {
    return this.vocabulary.get(token);
  }

  token(id: number): string {
    const token = this.#letters[id];
    if (token === undefined) {
      throw new DataError(`bpe: numbers must be whole and in [0, ${this.size}); got ${String(id)}.`);
    }
    return token;
  }

  #number(token: string, what: string): number {
    const id = this.vocabulary.get(token);
    if (id !== undefined) return id;
    const byte = byteOf.get(token);
    const named = byte === undefined ? JSON.stringify(token) : `${JSON.stringify(token)} of byte ${byte}`;
    throw new DataError(`bpe: each ${what} must be in the vocabulary; ${named} is not.`);
  }

  /** In a list whose links skip what was merged away; the heap has every pair that stood side by side since the beginning. */
  #merge(bytes: Uint8Array): number[] {
    const ids: (number | null)[] = Array.from(bytes, (byte) => this.#byteIds[byte] as number);
    const next = ids.map((_, at) => at + 1);
    const previous = ids.map((_, at) => at - 1);
    const heap = new Heap<Candidate>(first);
    const offer = (at: number): void => {
      const [left, right] = [ids[at], ids[next[at] as number]];
      if (left === undefined || left === null || right === undefined || right === null) return;
      const found = this.#ranks.get(key(left, right));
      if (found) heap.push({ rank: found.rank, at, left, right });
    };
    for (let at = 0; at + 1 < ids.length; at++) offer(at);
    for (let best = heap.pop(); best !== undefined; best = heap.pop()) {
      const { at, left, right } = best;
      const gone = next[at] as number;
      if (ids[at] !== left || ids[gone] !== right) continue; // one of them is part of another token by now
      ids[at] = this.#ranks.get(key(left, right))?.merged ?? left;
      ids[gone] = null;
      const after = next[gone] as number;
      next[at] = after;
      if (after < ids.length) previous[after] = at;
      if ((previous[at] as number) >= 0) offer(previous[at] as number);
      offer(at);
    }
    return ids.filter((id) => id !== null);
  }
}
