/** Tokenizers in files: BPE as a tokenizer.json that others read too, characters and words as JSON of our own. */
import { z } from "zod";
import { readBytes, writeFileAtomic } from "../../files/index.ts";
import { DataError } from "../../util/index.ts";
import { BpeTokenizer } from "./bpe.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { bpeFromTokenizerJson, bpeToTokenizerJson, ofFile } from "./tokenizer-json.ts";
import { UnitTokenizer } from "./unit-tokenizer.ts";

const format = "nabla-tokenizer";
const schema = z.strictObject({
  format: z.literal(format),
  version: z.literal(1),
  unit: z.enum(["codePoint", "grapheme", "word", "lowerCaseWord"]),
  unknown: z.string().nullable(),
  special: z.array(z.string()),
  tokens: z.array(z.string()),
});

/** The text of a tokenizer's file. Throws DataError for a tokenizer of your own. */
export function tokenizerToJson(tokenizer: Tokenizer): string {
  if (tokenizer instanceof BpeTokenizer) return bpeToTokenizerJson(tokenizer);
  if (!(tokenizer instanceof UnitTokenizer)) {
    throw new DataError("saveTokenizer: the tokenizer must be one of nabla's; got one of another class.");
  }
  const { unit, unknown, special, tokens } = tokenizer;
  return JSON.stringify({ format, version: 1, unit, unknown, special, tokens });
}

/** The tokenizer of a file's text; `name` is for errors. Throws as `loadTokenizer`. */
export function tokenizerFromJson(text: string, name = "tokenizer.json"): Tokenizer {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DataError(`${name}: must be JSON; got what is none (${(error as Error).message}).`);
  }
  if (typeof value !== "object" || value === null || !("format" in value)) {
    return bpeFromTokenizerJson(text, name);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new DataError(`${name}: must be a tokenizer's file; ${issue?.path.join(".")}: ${issue?.message}.`);
  }
  const { unit, tokens, special, unknown } = parsed.data;
  return ofFile(name, () => new UnitTokenizer(unit, tokens, special, unknown));
}

/**
 * Writes a tokenizer, whole or not at all.
 * @throws FileError when it cannot be written: what was there before is there still.
 * @example await saveTokenizer("tokenizer.json", tokenizer);
 */
export const saveTokenizer = (path: string, tokenizer: Tokenizer): Promise<void> =>
  writeFileAtomic(path, tokenizerToJson(tokenizer));

/**
 * Reads what `saveTokenizer` wrote, or another's tokenizer.json (see `bpeFromTokenizerJson`).
 * @throws FileError when it cannot be read; DataError naming the file for what is none; UnsupportedError for a tokenizer.json of another kind.
 * @example const tokenizer = await loadTokenizer("tokenizer.json");
 */
export async function loadTokenizer(path: string): Promise<Tokenizer> {
  const bytes = await readBytes(path);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new DataError(`${path}: must be text in UTF-8; got other bytes.`);
  }
  return tokenizerFromJson(text, path);
}
