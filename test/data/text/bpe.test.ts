/** Byte-level BPE against Hugging Face's tokenizers (goldens/bpe.py), and what holds for any string. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type BpeTokenizer,
  bpeFromFiles,
  bpeFromTokenizerJson,
  bpeToFiles,
  bpeToTokenizerJson,
  trainBpe,
} from "../../../src/data/index.ts";

const read = (name: string) => readFileSync(new URL(`./goldens/${name}`, import.meta.url), "utf8");
const golden = JSON.parse(read("bpe.json")) as {
  texts: string[];
  probes: string[];
  cases: {
    size: number;
    minFrequency: number;
    special: string[];
    merges: [string, string][];
    vocabulary: string[];
    ids: number[][];
  }[];
};
const tokensOf = (tokenizer: BpeTokenizer) =>
  Array.from({ length: tokenizer.size }, (_, id) => tokenizer.token(id));
const small = trainBpe(golden.texts, { size: 420, special: ["<end>", "<pad>"] });
const anyString = fc.string({ unit: "binary", maxLength: 60 });
/** UTF-16 code units at random: most of what it gives has lone surrogates. */
const units = fc
  .array(fc.oneof(fc.integer({ min: 0xd800, max: 0xdfff }), fc.integer({ min: 0, max: 0xffff })))
  .map((codes) => String.fromCharCode(...codes));

describe("training", () => {
  test.each(golden.cases)("learns the same merges: size $size, at least $minFrequency times", (golds) => {
    const { size, minFrequency, special } = golds;
    const tokenizer = trainBpe(golden.texts, { size, minFrequency, special });
    expect(tokenizer.merges).toEqual(golds.merges);
    expect(tokensOf(tokenizer)).toEqual(golds.vocabulary);
    expect(golden.probes.map((probe) => [...tokenizer.encode(probe)])).toEqual(golds.ids);
  });

  test("merges the most frequent pair of all, whatever was merged before", () => {
    const piece = fc
      .array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 8 })
      .map((part) => part.join(""));
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), (words) => {
        const tokenizer = trainBpe(words, { size: 262 });
        // The definition, without anything kept up to date.
        let state = words.map((word) => [...word]);
        const merges: [string, string][] = [];
        const ids = (token: string) => tokenizer.id(token) as number;
        while (merges.length < 6) {
          const counts = new Map<string, number>();
          for (const word of state) {
            for (let i = 0; i + 1 < word.length; i++) {
              const pair = `${word[i]} ${word[i + 1]}`;
              counts.set(pair, (counts.get(pair) ?? 0) + 1);
            }
          }
          const [best] = [...counts]
            .filter(([, count]) => count >= 2)
            .map(([pair, count]) => ({ count, pair: pair.split(" ") as [string, string] }))
            .sort(
              (a, b) =>
                b.count - a.count || ids(a.pair[0]) - ids(b.pair[0]) || ids(a.pair[1]) - ids(b.pair[1]),
            );
          if (!best) break;
          merges.push(best.pair);
          state = state.map((word) => {
            const next: string[] = [];
            for (let i = 0; i < word.length; i++) {
              const found = word[i] === best.pair[0] && word[i + 1] === best.pair[1];
              next.push(found ? `${word[i]}${word[i + 1]}` : (word[i] as string));
              if (found) i++;
            }
            return next;
          });
          if (merges.length + 256 > tokenizer.size) break;
        }
        expect(tokenizer.merges).toEqual(merges);
        // What was learnt is applied as it was learnt.
        for (const [at, word] of words.entries()) {
          expect([...tokenizer.encode(word)].map((id) => tokenizer.token(id))).toEqual(state[at]);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("a special token is never learnt, nor found in a text", () => {
    const tokenizer = trainBpe(["th th th th <pad>"], {
      size: 300,
      minFrequency: 1,
      special: ["th", "<pad>"],
    });
    expect(tokenizer.merges.map((merge) => merge.join(""))).not.toContain("th");
    expect([...tokenizer.encode("th<pad>")].filter((id) => id < 2)).toEqual([]);
    expect(tokenizer.decode([0, 1, ...tokenizer.encode("th")])).toBe("th");
  });

  test("refuses what it cannot do, and text that is none", () => {
    expect(() => trainBpe(["a"], { size: 255 })).toThrow(
      "trainBpe: size must be a whole number of at least 256; got 255",
    );
    expect(() => trainBpe(["a"], { size: 300, special: ["a"] })).toThrow("must not be a byte's letter");
    expect(() => trainBpe(["a"], { size: 300, special: ["<x>", "<x>"] })).toThrow("different strings");
    expect(() => trainBpe(["a"], { size: 300, minFreq: 2 } as never)).toThrow('Did you mean "minFrequency"?');
    expect(() => trainBpe([7 as never], { size: 300 })).toThrow("texts must be strings; got number");
    expect(trainBpe([], { size: 300 }).size).toBe(256);
  });
});

describe("round trips", () => {
  test("any string comes back, lone surrogates too", () => {
    fc.assert(
      fc.property(anyString, (text) => small.decode(small.encode(text)) === text),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(units, (text) => small.decode(small.encode(text)) === text),
      { numRuns: 500 },
    );
    const hard = "\ufeff\ud800 \udc00\ud83d\ud83d\ude42\0";
    expect(small.decode(small.encode(hard))).toBe(hard);
  });

  test("long pieces: a merge of hundreds of thousands of letters ends", () => {
    const text = "ab".repeat(200_000);
    const tokenizer = trainBpe([text], { size: 270 });
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });

  test("numbers that are no text read U+FFFD, numbers outside the vocabulary are errors", () => {
    expect(small.decode([small.id("Ð") as number])).toBe("\ufffd");
    expect(() => small.decode([420])).toThrow("numbers must be whole and in [0, 420); got 420");
    expect(() => small.decode([0.5])).toThrow("got 0.5");
  });
});

describe("files of other libraries", () => {
  test("Hugging Face's tokenizer.json is read, and written so that it is the same tokenizer", () => {
    const theirs = bpeFromTokenizerJson(read("tokenizer.json"));
    expect([theirs.merges, theirs.special]).toEqual([small.merges, ["<end>", "<pad>"]]);
    expect(tokensOf(theirs)).toEqual(tokensOf(small));
    const ours = JSON.parse(bpeToTokenizerJson(small));
    const { model, added_tokens, pre_tokenizer } = JSON.parse(read("tokenizer.json"));
    expect(ours.model.vocab).toEqual(model.vocab);
    expect(ours.model.merges).toEqual(model.merges);
    expect(ours.added_tokens).toEqual(added_tokens);
    expect(ours.pre_tokenizer).toEqual(pre_tokenizer);
  });

  test("vocab.json and merges.txt, with a token that every object has and merges of #", () => {
    const special = ["__proto__", "constructor"];
    const tokenizer = trainBpe(["## #### 12 12 12"], { size: 400, minFrequency: 1, special });
    expect(tokenizer.merges).toContainEqual(["#", "#"]);
    const { vocab, merges } = bpeToFiles(tokenizer);
    for (const back of [
      bpeFromFiles(vocab, merges, special),
      bpeFromTokenizerJson(bpeToTokenizerJson(tokenizer)),
    ]) {
      expect(back.merges).toEqual(tokenizer.merges);
      expect(tokensOf(back)).toEqual(tokensOf(tokenizer));
    }
  });

  test("what does not fit is named", () => {
    const file = JSON.parse(read("tokenizer.json"));
    const changed = (change: (copy: typeof file) => void) => {
      const copy = structuredClone(file);
      change(copy);
      return () => bpeFromTokenizerJson(JSON.stringify(copy));
    };
    expect(changed((copy) => Object.assign(copy.model, { type: "WordPiece" }))).toThrow("field model.type");
    expect(changed((copy) => Object.assign(copy, { pre_tokenizer: { type: "Whitespace" } }))).toThrow(
      "field pre_tokenizer.type",
    );
    expect(changed((copy) => Object.assign(copy, { normalizer: { type: "NFC" } }))).toThrow(
      "field normalizer",
    );
    expect(changed((copy) => copy.model.merges.push(["a", "never"]))).toThrow('"never" is not');
    expect(changed((copy) => copy.model.merges.push("abc"))).toThrow("a merge must be two tokens");
    expect(changed((copy) => delete copy.model.vocab.a)).toThrow("the numbers of");
    expect(changed((copy) => Object.assign(copy.model.vocab, { a: 1e9 }))).toThrow("got 1000000000 for");
    expect(() => bpeFromTokenizerJson("{")).toThrow("tokenizer.json: must be JSON");
    expect(() => bpeFromFiles("[]", "")).toThrow("vocab.json: must be one object");
    expect(() => bpeFromFiles("{}", "#version: 0.2\na b c\n")).toThrow("merges.txt, line 2");
  });
});
