/** Whatever a tokenizer's file holds, it is a tokenizer that works or an error that names the file. */
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import {
  bpeFromFiles,
  bpeToFiles,
  charTokenizer,
  loadTokenizer,
  type Tokenizer,
  tokenizerToJson,
  trainBpe,
  wordTokenizer,
} from "../../../src/data/index.ts";
import { DataError, UnsupportedError } from "../../../src/util/index.ts";
import { Folder } from "../workspace.ts";

const folder = new Folder();
afterAll(() => folder.remove());

const texts = ["to be or not to be", "that is the question: 'tis nobler", "größer 👍🏽"];
const trained = trainBpe(texts, { size: 270, special: ["<end>"] });
const good = {
  char: tokenizerToJson(charTokenizer(texts, { unknown: "?", special: ["<pad>"] })),
  grapheme: tokenizerToJson(charTokenizer(texts, { unit: "grapheme" })),
  word: tokenizerToJson(wordTokenizer(texts, { special: ["<pad>"] })),
  bpe: tokenizerToJson(trained),
};

/** A change of the text: a character put in, or a stretch left out. */
const edits = fc.array(fc.tuple(fc.nat(), fc.nat(12), fc.string({ maxLength: 3 })), {
  minLength: 1,
  maxLength: 4,
});
const edited = (text: string, changes: readonly (readonly [number, number, string])[]): string =>
  changes.reduce((all, [place, gone, put]) => {
    const at = place % (all.length + 1);
    return all.slice(0, at) + put + all.slice(at + gone);
  }, text);

const odd = fc.oneof(
  fc.constantFrom<unknown>(null, "", -1, 0.5, 1e9, 2 ** 53, 1e308, [], {}, "__proto__", "\ud800", true, [
    "a",
    "b",
  ]),
  fc.nat(300),
  fc.string({ maxLength: 4 }),
  fc.jsonValue({ maxDepth: 2 }),
);
/** Something within: a value exchanged, left out, or there twice. */
function changed(value: unknown, way: readonly number[], put: unknown): unknown {
  const [step = 0, ...rest] = way;
  if (typeof value !== "object" || value === null || way.length === 0) return put;
  const keys = Object.keys(value);
  if (Array.isArray(value)) {
    const at = step % (value.length + 1);
    if (rest.length === 0 && step % 3 === 0) return value.toSpliced(at, 0, value[(at * 7) % value.length]);
    if (rest.length === 0 && step % 3 === 1) return value.toSpliced(at, 1);
    return value.map((part, i) => (i === at ? changed(part, rest, put) : part));
  }
  const key = keys[step % keys.length];
  const entries = Object.entries(value);
  if (rest.length === 0 && step % 5 === 0)
    return Object.fromEntries(entries.filter(([name]) => name !== key));
  return Object.fromEntries(
    entries.map(([name, part]) => [name, name === key ? changed(part, rest, put) : part]),
  );
}
const way = fc.array(fc.nat(1000), { minLength: 1, maxLength: 4 });

/** Numbers of the vocabulary, or an error of the data, for any text; of bytes the text itself. */
function works(tokenizer: Tokenizer, text: string): void {
  expect(tokenizer.size).toBeGreaterThanOrEqual(0);
  try {
    const ids = tokenizer.encode(text);
    expect(ids.every((id) => id >= 0 && id < tokenizer.size)).toBe(true);
    const back = tokenizer.decode(ids);
    if (tokenizer.kind === "bpe") expect(back).toBe(text);
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
  }
}

const known = (error: unknown): boolean => error instanceof DataError || error instanceof UnsupportedError;

describe.each(Object.entries(good))("a file of kind %s", (kind, text) => {
  it.each([
    ["any bytes", fc.uint8Array({ maxLength: 200 }), 100],
    ["any JSON", fc.json(), 100],
    ["its text with changes", edits.map((changes) => edited(text, changes)), 300],
    [
      "its parts exchanged",
      fc.tuple(way, odd).map(([at, put]) => JSON.stringify(changed(JSON.parse(text), at, put))),
      500,
    ],
    // A change within the numbers of tokens of BPE is seldom met by chance.
    [
      "two parts exchanged",
      fc
        .tuple(way, odd, way, odd)
        .map(([a, x, b, y]) => JSON.stringify(changed(changed(JSON.parse(text), a, x), b, y))),
      300,
    ],
  ] as const)("%s", async (of, content, numRuns) => {
    let [read, refused] = [0, 0];
    await fc.assert(
      fc.asyncProperty(
        content as fc.Arbitrary<string | Uint8Array>,
        fc.string({ maxLength: 20 }),
        async (bytes, probe) => {
          const path = folder.write(`${kind}.json`, bytes ?? "");
          let tokenizer: Tokenizer;
          try {
            tokenizer = await loadTokenizer(path);
          } catch (error) {
            expect(known(error), String((error as Error).stack)).toBe(true);
            expect((error as Error).message).toContain(path);
            refused++;
            return;
          }
          read++;
          works(tokenizer, probe);
          works(tokenizer, texts[1] as string);
        },
      ),
      { numRuns },
    );
    expect(refused).toBeGreaterThan(0);
    if (!of.startsWith("any")) expect(read).toBeGreaterThan(0);
  });
});

it("of vocab.json and merges.txt with changes, too, only errors that name them come out", () => {
  const { vocab, merges } = bpeToFiles(trained);
  const merged = trained.merges[0]?.join("") ?? "";
  expect(() => bpeFromFiles(vocab, merges, [merged])).toThrow("is in merge 0");
  const none = fc.constant<readonly (readonly [number, number, string])[]>([]);
  let [read, refused] = [0, 0];
  fc.assert(
    fc.property(
      fc.oneof(none, edits),
      fc.oneof(none, edits),
      fc.constantFrom([], ["<end>"], ["<none>"], [merged]),
      fc.string({ maxLength: 20 }),
      (one, two, special, probe) => {
        try {
          works(bpeFromFiles(edited(vocab, one), edited(merges, two), special), probe);
          read++;
        } catch (error) {
          expect(error).toBeInstanceOf(DataError);
          expect((error as Error).message).toMatch(/^(vocab\.json|merges\.txt)/);
          refused++;
        }
      },
    ),
    { numRuns: 1000 },
  );
  expect(Math.min(read, refused)).toBeGreaterThan(0);
});
