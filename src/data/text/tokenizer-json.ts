/** Byte-level BPE in the files that Hugging Face's and OpenAI's libraries use: vocab.json with merges.txt, and tokenizer.json. */
import { z } from "zod";
import { ConfigError, DataError, UnsupportedError } from "../../util/index.ts";
import { BpeTokenizer } from "./bpe.ts";

// Not z.record, which leaves out a token that reads __proto__.
const vocabularySchema = z.custom<Readonly<Record<string, number>>>(
  (value) =>
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every(Number.isInteger),
  "must be an object from tokens to whole numbers",
);
const byteLevel = z.object({
  type: z.literal("ByteLevel"),
  add_prefix_space: z.literal(false),
  use_regex: z.literal(true).optional(),
});
const mergeSchema = z.union([z.string(), z.tuple([z.string(), z.string()])]);
const fileSchema = z.object({
  normalizer: z.null().optional(),
  pre_tokenizer: byteLevel,
  added_tokens: z.array(z.object({ id: z.int(), content: z.string() })).optional(),
  model: z.object({
    type: z.literal("BPE").optional(),
    dropout: z.null().optional(),
    continuing_subword_prefix: z.literal("").nullish(),
    end_of_word_suffix: z.literal("").nullish(),
    byte_fallback: z.literal(false).optional(),
    ignore_merges: z.literal(false).optional(),
    vocab: vocabularySchema,
    merges: z.array(mergeSchema),
  }),
});

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DataError(`${name}: must be JSON; got what is none (${(error as Error).message}).`);
  }
}

/** A tokenizer of what a file says: parts that do not belong together are the file's fault. Throws DataError naming it. */
export function ofFile<T>(name: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof DataError || error instanceof ConfigError)
      throw new DataError(`${name}: ${error.message}`);
    throw error;
  }
}

function twoParts(line: string, place: string): [string, string] {
  const [left, right, ...rest] = line.split(" ");
  if (!left || !right || rest.length > 0) {
    throw new DataError(
      `${place}: a merge must be two tokens with a space between; got ${JSON.stringify(line)}.`,
    );
  }
  return [left, right];
}

/** The vocabulary as JSON, and the merges one a line below `#version: 0.2`. */
export function bpeToFiles(tokenizer: BpeTokenizer): { vocab: string; merges: string } {
  const lines = tokenizer.merges.map(([left, right]) => `${left} ${right}\n`);
  return {
    vocab: JSON.stringify(Object.fromEntries(tokenizer.vocabulary)),
    merges: `#version: 0.2\n${lines.join("")}`,
  };
}

/**
 * The tokenizer of the texts of vocab.json and merges.txt. These do not say which tokens are special: name them.
 * @throws DataError naming the file and line for what is no such file.
 * @example const gpt2 = bpeFromFiles(readFileSync("vocab.json", "utf8"), readFileSync("merges.txt", "utf8"), ["<|endoftext|>"]);
 */
export function bpeFromFiles(vocab: string, merges: string, special: readonly string[] = []): BpeTokenizer {
  const parsed = vocabularySchema.safeParse(parse(vocab, "vocab.json"));
  if (!parsed.success) throw new DataError("vocab.json: must be one object, from tokens to whole numbers.");
  const pairs = merges
    .split(/\r?\n/)
    .map((line, at) => ({ line, place: `merges.txt, line ${at + 1}` }))
    // A first merge may start with # as well: only the header has a version.
    .filter(({ line }, at) => line !== "" && !(at === 0 && line.startsWith("#version")))
    .map(({ line, place }) => twoParts(line, place));
  const vocabulary = new Map(Object.entries(parsed.data));
  return ofFile("vocab.json and merges.txt", () => new BpeTokenizer(vocabulary, pairs, special));
}

/** As a tokenizer.json that Hugging Face's library reads. */
export function bpeToTokenizerJson(tokenizer: BpeTokenizer): string {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  return JSON.stringify({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: tokenizer.special.map((content) => ({ id: tokenizer.id(content), content, ...flags })),
    normalizer: null,
    pre_tokenizer: bytes,
    post_processor: null,
    decoder: bytes,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokenizer.vocabulary),
      merges: tokenizer.merges,
    },
  });
}

/**
 * The tokenizer of the text of a tokenizer.json, where that is byte-level BPE with GPT-2's pieces. Its added tokens are special;
 * templates that add tokens to a text (`post_processor`) are not applied.
 * @throws DataError for what is no JSON or has a vocabulary and merges that do not belong together; UnsupportedError, naming the
 * field, for another model, other pieces, a normalizer, or spaces that are put before a text.
 * @example const tokenizer = bpeFromTokenizerJson(readFileSync("tokenizer.json", "utf8"));
 */
export function bpeFromTokenizerJson(text: string, name = "tokenizer.json"): BpeTokenizer {
  const parsed = fileSchema.safeParse(parse(text, name));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new UnsupportedError(
      `${name}: must be byte-level BPE with GPT-2's pieces; field ${issue?.path.join(".")} is another: ${issue?.message}.`,
    );
  }
  const { model, added_tokens: added = [] } = parsed.data;
  const vocabulary = new Map(Object.entries(model.vocab));
  for (const { id, content } of added) {
    if ((vocabulary.get(content) ?? id) !== id) {
      throw new DataError(`${name}: added token ${JSON.stringify(content)} must have one number; got two.`);
    }
    vocabulary.set(content, id);
  }
  const merges = model.merges.map((merge, at) =>
    typeof merge === "string" ? twoParts(merge, `${name}, merge ${at}`) : merge,
  );
  const special = added.map(({ content }) => content);
  return ofFile(name, () => new BpeTokenizer(vocabulary, merges, special));
}
