/** What every tokenizer does: text to numbers of a vocabulary, and back. */

/** Made by `charTokenizer`, `wordTokenizer` or `trainBpe`, or read by `loadTokenizer`; never changed. */
export interface Tokenizer {
  readonly kind: "char" | "word" | "bpe";
  /** Numbers there are: each is in [0, size). */
  readonly size: number;
  /** Tokens that no text gives, such as padding or the end of a text. */
  readonly special: readonly string[];
  /** The numbers of a text. Throws DataError for a part outside the vocabulary where there is no unknown token. */
  encode(text: string): Int32Array;
  /** The text of numbers; special tokens give none. Throws DataError for a number outside the vocabulary. */
  decode(ids: Iterable<number>): string;
  /** A token's number; undefined where there is none. */
  id(token: string): number | undefined;
  /** Throws DataError for a number outside the vocabulary. */
  token(id: number): string;
}
