export {
  type AugmentedTexts,
  type AugmentTextsOptions,
  augmentTexts,
  edaStrength,
  type TextAugmentation,
  type TextAugmenter,
  textAugmenter,
} from "./eda.ts";
export { Lexicon, readLexicon, wordNetLexicon } from "./lexicon.ts";
export type { TextOperation } from "./operations.ts";
export type { TextUnits } from "./parts.ts";
