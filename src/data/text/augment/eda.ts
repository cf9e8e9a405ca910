/** Easy data augmentation: variants of a text, each by one small random operation. */
import { ConfigError, DataError, optionNames, rejectUnknown, suggestion } from "../../../util/index.ts";
import { requireWhole } from "../vocabulary.ts";
import { Draws } from "./draws.ts";
import { Lexicon } from "./lexicon.ts";
import { operationNames, operations, type TextOperation } from "./operations.ts";
import { joinParts, splitParts, type TextUnits } from "./parts.ts";

export interface TextAugmentation {
  /** The share of a text that an operation changes, at least one word; of all operations or of each. Default 0.1. */
  readonly alpha?: number | Readonly<Partial<Record<TextOperation, number>>>;
  /** Default: the paper's four (synonym, insert, swap, delete); without a lexicon swap and delete. */
  readonly operations?: readonly TextOperation[];
  readonly lexicon?: Lexicon;
  /** Words in lower case that are not replaced, nor give synonyms to insert; default none. */
  readonly stopWords?: Iterable<string>;
  /** "words" between spaces (default), or "characters" for Chinese and other text without spaces. */
  readonly units?: TextUnits;
}

const names = optionNames<TextAugmentation>({
  alpha: true,
  operations: true,
  lexicon: true,
  stopWords: true,
  units: true,
});
const none = new Lexicon([]);

/** One text of one row: which variant decides which operation and what it draws. */
export type TextAugmenter = (text: string, row: number, variant: number) => string;

/**
 * A function that gives variants of texts: `variant` v of `row` r depends on the seed, r and v alone. The variants of a row take the
 * operations in turn, from one that is drawn. With a strength alpha and l words, n = max(1, floor(alpha l)) of them are replaced
 * (`synonym`), a synonym of one is inserted n times (`insert`), two change places n times (`swap`), each goes with probability alpha
 * (`delete`), or n in a row go (`cut`, which is not the paper's). Words are joined by one space. A text without words stays as it is,
 * and so does one of which no word has synonyms where these are asked for; no operation takes the last word away.
 * @throws ConfigError for unknown or wrong options, and for operations with synonyms without a lexicon.
 * @example
 * const variant = textAugmenter(0, { lexicon: new Lexicon([["film", ["movie"]]]), operations: ["synonym"] });
 * variant("A Film, again", 0, 0); // "A Movie, again"
 * @see Wei and Zou: EDA: easy data augmentation techniques for boosting performance on text classification tasks, 2019
 */
export function textAugmenter(seed: number, options: TextAugmentation = {}): TextAugmenter {
  const op = "textAugmenter";
  rejectUnknown(op, options, names);
  requireWhole(op, "seed", seed, 0);
  const { lexicon, units = "words" } = options;
  if (lexicon !== undefined && !(lexicon instanceof Lexicon)) {
    throw new ConfigError(`${op}: lexicon must be a Lexicon. Make one with new Lexicon(map) or readLexicon.`);
  }
  if (units !== "words" && units !== "characters") {
    throw new ConfigError(`${op}: units must be "words" or "characters"; got ${JSON.stringify(units)}.`);
  }
  const chosen = chosenOperations(op, options);
  const strengths = strengthsOf(op, options.alpha ?? 0.1);
  const stopWords = new Set(options.stopWords);
  return (text, row, variant) => {
    requireWhole(op, "row", row, 0);
    requireWhole(op, "variant", variant, 0);
    const parts = splitParts(text, units, lexicon ?? null);
    if (parts.length === 0) return text;
    const first = new Draws(seed, row, 0xffffffff).below(chosen.length);
    const operation = chosen[(first + variant) % chosen.length] as TextOperation;
    const alpha = strengths[operation];
    const count = Math.max(1, Math.floor(alpha * parts.length));
    const draws = new Draws(seed, row, variant);
    const work = { parts, alpha, count, lexicon: lexicon ?? none, stopWords, draws };
    return joinParts(operations[operation](work), units);
  };
}

function chosenOperations(
  op: string,
  { operations: asked, lexicon }: TextAugmentation,
): readonly TextOperation[] {
  const usual: readonly TextOperation[] = lexicon
    ? ["synonym", "insert", "swap", "delete"]
    : ["swap", "delete"];
  const chosen = asked ?? usual;
  if (chosen.length === 0) throw new ConfigError(`${op}: there must be at least one operation; got none.`);
  for (const name of chosen) {
    if (!operationNames.includes(name)) {
      throw new ConfigError(`${op}: there is no operation "${name}".${suggestion(name, operationNames)}`);
    }
    if (!lexicon && (name === "synonym" || name === "insert")) {
      throw new ConfigError(`${op}: the operation "${name}" must have a lexicon; got none.`);
    }
  }
  return chosen;
}

function strengthsOf(op: string, alpha: Required<TextAugmentation>["alpha"]): Record<TextOperation, number> {
  if (typeof alpha === "object") rejectUnknown(`${op}: alpha`, alpha, operationNames);
  const of = (name: TextOperation): number => {
    const value = typeof alpha === "object" ? (alpha[name] ?? 0.1) : alpha;
    if (!(value >= 0 && value <= 1)) {
      throw new ConfigError(`${op}: alpha must be in [0, 1]; got ${String(value)}.`);
    }
    return value;
  };
  return {
    synonym: of("synonym"),
    insert: of("insert"),
    swap: of("swap"),
    delete: of("delete"),
    cut: of("cut"),
  };
}

/**
 * What the paper recommends by the number of training texts (its table 3): alpha 0.05 and 16 variants of each up to 500 texts,
 * 0.05 and 8 up to 2,000, 0.1 and 4 above.
 * @example edaStrength(500); // { alpha: 0.05, variants: 16 }
 */
export function edaStrength(texts: number): { readonly alpha: number; readonly variants: number } {
  if (texts <= 500) return { alpha: 0.05, variants: 16 };
  return texts <= 2000 ? { alpha: 0.05, variants: 8 } : { alpha: 0.1, variants: 4 };
}

export interface AugmentTextsOptions<L> extends TextAugmentation {
  readonly texts: readonly string[];
  /** One for each text. */
  readonly labels: readonly L[];
  /** Default 0. */
  readonly seed?: number;
  /** Variants of each text, beside the text itself; default, as that of alpha: `edaStrength`. */
  readonly variants?: number;
}

export interface AugmentedTexts<L> {
  readonly texts: string[];
  readonly labels: L[];
  /** The row that each text was made of. */
  readonly rows: Int32Array;
}

/**
 * The texts, each followed by its variants, with its label. Augment the training set only, after it was split.
 * @throws as `textAugmenter`; DataError when there are more or fewer labels than texts.
 * @example const { texts, labels } = augmentTexts({ texts: train, labels: trainLabels, seed: 1 });
 */
export function augmentTexts<L>(options: AugmentTextsOptions<L>): AugmentedTexts<L> {
  const op = "augmentTexts";
  const own = optionNames<Omit<AugmentTextsOptions<L>, keyof TextAugmentation>>({
    texts: true,
    labels: true,
    seed: true,
    variants: true,
  });
  rejectUnknown(op, options, [...own, ...names]);
  const { texts, labels, seed = 0, variants, ...rest } = options;
  const usual = edaStrength(texts.length);
  const count = variants ?? usual.variants;
  requireWhole(op, "variants", count, 0);
  if (texts.length !== labels.length) {
    throw new DataError(
      `${op}: there must be a label for each text; got ${texts.length} texts and ${labels.length} labels.`,
    );
  }
  const variant = textAugmenter(seed, { ...rest, alpha: rest.alpha ?? usual.alpha });
  const each = 1 + count;
  const rows = Int32Array.from({ length: texts.length * each }, (_, at) => Math.floor(at / each));
  return {
    texts: Array.from(rows, (row, at) => {
      const text = texts[row] as string;
      return at % each === 0 ? text : variant(text, row, (at % each) - 1);
    }),
    labels: Array.from(rows, (row) => labels[row] as L),
    rows,
  };
}
