export * from "./augment/index.ts";
export { BpeTokenizer } from "./bpe.ts";
export { type BpeOptions, trainBpe } from "./bpe-train.ts";
export { type Padded, type PadOptions, padSequences } from "./pad.ts";
export {
  type NextTokenOptions,
  nextTokenDataset,
  type TextDataset,
  type TextDatasetOptions,
  textDataset,
} from "./text-dataset.ts";
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
