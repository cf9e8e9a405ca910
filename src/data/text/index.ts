export { BpeTokenizer } from "./bpe.ts";
export { type BpeOptions, trainBpe } from "./bpe-train.ts";
export type { Tokenizer } from "./tokenizer.ts";
export { loadTokenizer, saveTokenizer, tokenizerFromJson, tokenizerToJson } from "./tokenizer-file.ts";
export { bpeFromFiles, bpeFromTokenizerJson, bpeToFiles, bpeToTokenizerJson } from "./tokenizer-json.ts";
export {
  type CharTokenizerOptions,
  charTokenizer,
  type Unit,
  UnitTokenizer,
  type WordTokenizerOptions,
  wordTokenizer,
} from "./unit-tokenizer.ts";
export type { Texts } from "./vocabulary.ts";
