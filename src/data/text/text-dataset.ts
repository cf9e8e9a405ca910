/** Data sets of texts: with a label each, or with the next token as the target of every token. */
import { ConfigError, DataError, optionNames, rejectUnknown } from "../../util/index.ts";
import { Dataset } from "../dataset.ts";
import { type Padded, type PadOptions, padSequences } from "./pad.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { byCodeUnits, requireWhole, type Texts } from "./vocabulary.ts";

export interface TextDatasetOptions extends Omit<PadOptions, "padding"> {
  readonly texts: readonly string[];
  /** One for each text: class numbers, or class names. */
  readonly labels: readonly (number | string)[];
  readonly tokenizer: Tokenizer;
  /** The special token that fills up; default "<pad>". */
  readonly padding?: string;
  /** Names of the classes in their order, as of the training set; default: the labels there are, sorted by code units. */
  readonly classes?: readonly string[];
}

export interface TextDataset {
  /** x: numbers, i32 [n, length]; y: classes, i32 [n]. */
  readonly data: Dataset;
  /** 1 for a token, 0 for padding, i32 [n, length]: in a model the same is `x.ne(padding)`. */
  readonly mask: Padded["mask"];
  readonly lengths: Int32Array;
  /** Names of the classes; empty where labels are numbers. */
  readonly classes: readonly string[];
  /** The number that fills up. */
  readonly padding: number;
}

/**
 * Texts and their classes as rows of numbers. The token for padding is special, so that no text has it and the model can tell: give it
 * to `Embedding` as `paddingIndex`, and mask by `x.ne(padding)`.
 * @throws ConfigError for unknown or wrong options, or a padding token that is not special in the tokenizer; DataError, naming the row,
 * for a label that is missing, no class, or neither a name nor a whole number from 0 on; and as the tokenizer and `padSequences`.
 * @example
 * const tokenizer = wordTokenizer(texts, { special: ["<pad>"] });
 * const { data, classes } = textDataset({ texts, labels, tokenizer, length: 64 });
 */
export function textDataset(options: TextDatasetOptions): TextDataset {
  const op = "textDataset";
  rejectUnknown(
    op,
    options,
    optionNames<TextDatasetOptions>({
      texts: true,
      labels: true,
      tokenizer: true,
      padding: true,
      classes: true,
      length: true,
      multipleOf: true,
      side: true,
      truncate: true,
    }),
  );
  const { texts, labels, tokenizer, padding: name = "<pad>", classes, ...rest } = options;
  const padding = tokenizer.id(name);
  if (padding === undefined || !tokenizer.special.includes(name)) {
    throw new ConfigError(
      `${op}: padding must be a special token of the tokenizer; ${JSON.stringify(name)} is none. Make the tokenizer with special: [${JSON.stringify(name)}].`,
    );
  }
  if (texts.length !== labels.length) {
    throw new DataError(
      `${op}: there must be a label for each text; got ${texts.length} texts and ${labels.length} labels.`,
    );
  }
  const numbered = numberLabels(op, labels, classes);
  const padded = padSequences(
    texts.map((text) => tokenizer.encode(text)),
    { ...rest, padding },
  );
  const y = { dtype: "i32", shape: [texts.length], data: numbered.data } as const;
  const { ids, mask, lengths } = padded;
  return { data: new Dataset(ids, y), mask, lengths, classes: numbered.classes, padding };
}

function numberLabels(
  op: string,
  labels: readonly (number | string)[],
  given: readonly string[] | undefined,
): { data: Int32Array; classes: readonly string[] } {
  const names = labels.filter((label) => typeof label === "string");
  const classes = given ?? [...new Set(names)].sort(byCodeUnits);
  const numbers = new Map(classes.map((label, at) => [label, at]));
  const byName = typeof labels[0] === "string";
  const most = given?.length ?? 0x7fffffff;
  const data = Int32Array.from(labels, (label, row) => {
    const at = byName && typeof label === "string" ? numbers.get(label) : byName ? undefined : label;
    if (typeof at === "number" && Number.isInteger(at) && at >= 0 && at < most) return at;
    const wanted = byName ? `one of ${classes.join(", ")}` : "whole numbers of at least 0, each of a class";
    throw new DataError(`${op}: labels must be ${wanted}; row ${row} has ${JSON.stringify(label)}.`);
  });
  return { data, classes };
}

export interface NextTokenOptions {
  /** Tokens in a row. */
  readonly context: number;
  /** Tokens from the beginning of a row to that of the next; default `context`: every token is a target once. */
  readonly stride?: number;
  /** A special token of the tokenizer that ends each text; default: texts follow each other without. */
  readonly end?: string;
}

/**
 * Windows over all texts in a row for training a language model: x: i32 [n, context], and y, the same shape, has for each token the one
 * after it. What is left at the end, less than a window, is left out.
 * @throws ConfigError for unknown or wrong options; DataError when the texts have fewer than context + 1 tokens.
 * @example const data = nextTokenDataset(texts, tokenizer, { context: 128, end: "<end>" });
 */
export function nextTokenDataset(texts: Texts, tokenizer: Tokenizer, options: NextTokenOptions): Dataset {
  const op = "nextTokenDataset";
  rejectUnknown(op, options, optionNames<NextTokenOptions>({ context: true, stride: true, end: true }));
  const { context, stride = context, end } = options;
  requireWhole(op, "context", context, 1);
  requireWhole(op, "stride", stride, 1);
  const last = end === undefined ? undefined : tokenizer.id(end);
  if (end !== undefined && (last === undefined || !tokenizer.special.includes(end))) {
    throw new ConfigError(
      `${op}: end must be a special token of the tokenizer; ${JSON.stringify(end)} is none.`,
    );
  }
  const ending = last === undefined ? [] : [Int32Array.of(last)];
  const tokens = joined(Array.from(texts, (text) => [tokenizer.encode(text), ...ending]).flat());
  const count = Math.floor((tokens.length - 1 - context) / stride) + 1;
  if (count < 1) {
    throw new DataError(
      `${op}: the texts must have at least ${context + 1} tokens, one more than a window; got ${tokens.length}.`,
    );
  }
  const windows = (shift: number) => {
    const data = new Int32Array(count * context);
    for (let row = 0; row < count; row++) {
      const from = row * stride + shift;
      data.set(tokens.subarray(from, from + context), row * context);
    }
    return { dtype: "i32", shape: [count, context], data } as const;
  };
  return new Dataset(windows(0), windows(1));
}

function joined(parts: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
