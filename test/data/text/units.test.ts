import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import {
  charTokenizer,
  loadTokenizer,
  saveTokenizer,
  tokenizerFromJson,
  trainBpe,
  wordTokenizer,
} from "../../../src/data/index.ts";

const folder = mkdtempSync(join(tmpdir(), "nabla-tokenizers-"));
afterAll(() => rmSync(folder, { recursive: true }));
const family = "👩‍👩‍👧";

describe("characters", () => {
  test("are code points, numbered in order after the special ones", () => {
    const tokenizer = charTokenizer(["b🙂a", "ab"], { special: ["<pad>"] });
    expect([tokenizer.size, tokenizer.tokens]).toEqual([4, ["a", "b", "🙂"]]);
    expect([...tokenizer.encode("🙂ab")]).toEqual([3, 1, 2]);
    expect(tokenizer.decode([0, 3, 0, 1])).toBe("🙂a");
  });

  test("or graphemes", () => {
    const tokenizer = charTokenizer([`e\u0301${family}`], { unit: "grapheme" });
    expect(tokenizer.tokens).toEqual(["e\u0301", family]);
    expect(charTokenizer([family]).tokens).toHaveLength(3);
  });

  test("come back for any string", () => {
    for (const unit of ["codePoint", "grapheme"] as const) {
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 1 }), (codes) => {
          const text = String.fromCharCode(...codes);
          const tokenizer = charTokenizer([text], { unit });
          expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
        }),
      );
    }
  });

  test("that are unknown are an error, or the unknown token", () => {
    expect(() => charTokenizer(["ab"]).encode("abc")).toThrow(
      'each codePoint must be in the vocabulary; got "c"',
    );
    const tokenizer = charTokenizer(["aab"], { unknown: "?", minFrequency: 2 });
    expect([...tokenizer.encode("ab?")]).toEqual([1, 0, 0]);
  });
});

describe("words", () => {
  test("by frequency, then by code units, with a least frequency and a largest size", () => {
    const texts = ["The cat, the dog; the well-known cat's", "dog 12 zebra"];
    expect(wordTokenizer(texts, { lowerCase: true, minFrequency: 2 }).tokens).toEqual(["the", "dog"]);
    const tokenizer = wordTokenizer(texts, { special: ["<pad>"], maxSize: 4 });
    expect([tokenizer.special, tokenizer.tokens]).toEqual([
      ["<pad>", "<unk>"],
      ["dog", "the"],
    ]);
    expect([...tokenizer.encode("the DOG <unk> dog")]).toEqual([3, 1, 1, 1, 1, 2]);
    expect(tokenizer.decode([3, 1, 2, 0])).toBe("the dog");
    expect(wordTokenizer(texts).tokens).toContain("well-known");
    expect(wordTokenizer(texts).tokens).toContain("cat's");
  });

  test("constructor and __proto__ are words like any other", () => {
    const tokenizer = wordTokenizer(["constructor __proto__ toString"]);
    expect(tokenizer.decode(tokenizer.encode("__proto__ constructor"))).toBe("__proto__ constructor");
  });

  test("options are checked", () => {
    expect(() => wordTokenizer([], { lowercase: true } as never)).toThrow('Did you mean "lowerCase"?');
    expect(() => wordTokenizer([], { maxSize: 1 })).toThrow(
      "maxSize must be a whole number of at least 2; got 1",
    );
    expect(() => charTokenizer([], { unit: "word" as never })).toThrow(
      'unit must be "codePoint" or "grapheme"',
    );
  });
});

describe("files", () => {
  test("of every kind give the same tokenizer back", async () => {
    const text = 'some "text"\n\ud800 🙂 é';
    const made = [
      charTokenizer([text], { unknown: "?" }),
      charTokenizer([text], { unit: "grapheme" }),
      wordTokenizer([text], { lowerCase: true, special: ["<pad>"] }),
      trainBpe([text, text], { size: 270, special: ["<end>"] }),
    ];
    for (const tokenizer of made) {
      const path = join(folder, "tokenizer.json");
      await saveTokenizer(path, tokenizer);
      const back = await loadTokenizer(path);
      expect([back.kind, back.size, back.special]).toEqual([
        tokenizer.kind,
        tokenizer.size,
        tokenizer.special,
      ]);
      expect(back.encode(text)).toEqual(tokenizer.encode(text));
    }
    expect(readdirSync(folder)).toEqual(["tokenizer.json"]);
  });

  test("that are none are named", async () => {
    const path = join(folder, "bad.json");
    await expect(loadTokenizer(join(folder, "none.json"))).rejects.toThrow(
      "none.json: cannot read: it does not exist",
    );
    writeFileSync(path, Uint8Array.of(0xff, 0xfe, 0x00));
    await expect(loadTokenizer(path)).rejects.toThrow("bad.json: must be text in UTF-8");
    writeFileSync(path, '{"format": "nabla-tokenizer", "version": 2}');
    await expect(loadTokenizer(path)).rejects.toThrow("bad.json: must be a tokenizer's file; version");
    expect(() => tokenizerFromJson("null")).toThrow("tokenizer.json: must be byte-level BPE");
    await expect(saveTokenizer(join(folder, "no", "such", "a.json"), charTokenizer(["a"]))).rejects.toThrow(
      "a.json: cannot write: it does not exist. Check the path.",
    );
    expect(readFileSync(path, "utf8")).toContain("version");
  });
});
