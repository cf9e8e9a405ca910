import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import {
  augmentTexts,
  edaStrength,
  Lexicon,
  readLexicon,
  type TextOperation,
  textAugmenter,
  wordNetLexicon,
} from "../../../src/data/index.ts";

const folder = mkdtempSync(join(tmpdir(), "nabla-eda-"));
afterAll(() => rmSync(folder, { recursive: true }));
const words = Array.from({ length: 40 }, (_, at) => `w${at}`);
const text = words.join(" ");
const lexicon = new Lexicon(
  words.slice(0, 20).map((word) => [word, [`${word}x`, `${word}y`, word]] as const),
);
const many = (operations: TextOperation[], options = {}, count = 2000) => {
  const variant = textAugmenter(7, { lexicon, operations, ...options });
  return Array.from({ length: count }, (_, row) => variant(text, row, 0).split(" "));
};
const sorted = (list: readonly string[]) => [...list].sort();
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("operations", () => {
  test("synonym: n words, of those that have synonyms, each as often as the others", () => {
    const hits = new Map<string, number>();
    for (const made of many(["synonym"])) {
      const changed = made.filter((word, at) => word !== words[at]);
      expect(changed).toHaveLength(4); // 0.1 x 40
      for (const word of changed) hits.set(word, (hits.get(word) ?? 0) + 1);
    }
    expect(sorted([...hits.keys()])).toEqual(
      sorted(words.slice(0, 20).flatMap((word) => [`${word}x`, `${word}y`])),
    );
    // 8,000 draws over 40 synonyms: 200 each, with a standard deviation below 14.
    for (const count of hits.values()) expect(Math.abs(count - 200)).toBeLessThan(5 * 14);
  });

  test("insert: n synonyms of words of the text, the rest in order", () => {
    const places: number[] = [];
    for (const made of many(["insert"])) {
      expect(made).toHaveLength(44);
      expect(made.filter((word) => words.includes(word))).toEqual(words);
      places.push(made.findIndex((word) => !words.includes(word)));
    }
    // The first of four uniform places among 41 gaps: 40 / 5 on average.
    expect(Math.abs(mean(places) - 8)).toBeLessThan(0.8);
  });

  test("swap: the same words, at most 2n elsewhere", () => {
    for (const made of many(["swap"])) {
      expect(sorted(made)).toEqual(sorted(words));
      const moved = made.filter((word, at) => word !== words[at]).length;
      expect(moved).toBeLessThanOrEqual(8);
    }
    for (const made of many(["swap"], { alpha: 0 }, 50)) {
      expect(made.filter((word, at) => word !== words[at])).toHaveLength(2);
    }
  });

  test("delete: each word with probability alpha, in order", () => {
    const left = many(["delete"]).map((made) => {
      expect(made).toEqual(words.filter((word) => made.includes(word)));
      return made.length;
    });
    expect(Math.abs(mean(left) - 36)).toBeLessThan(5 * Math.sqrt(3.6 / 2000));
    expect(many(["delete"], { alpha: 1 }, 20).every((made) => made.length === 1)).toBe(true);
  });

  test("cut: n words in a row, anywhere", () => {
    const starts = new Set<number>();
    for (const made of many(["cut"])) {
      const start = made.findIndex((word, at) => word !== words[at]);
      const from = start < 0 ? 36 : start;
      expect(made).toEqual([...words.slice(0, from), ...words.slice(from + 4)]);
      starts.add(from);
    }
    expect(starts.size).toBe(37);
  });

  test("strengths may differ by operation", () => {
    expect(many(["cut"], { alpha: { cut: 0.5, swap: 0 } }, 1)[0]).toHaveLength(20);
  });

  test("synonyms keep signs and capitals, stop words stay", () => {
    const variant = textAugmenter(0, {
      lexicon: new Lexicon([
        ["Film", ["movie"]],
        ["the", ["a"]],
      ]),
      operations: ["synonym"],
      alpha: 1,
      stopWords: ["the"],
    });
    expect(variant('The "Film", FILM film-\t(film).', 0, 0)).toBe('The "Movie", MOVIE movie- (movie).');
  });
});

describe("edges", () => {
  const all: TextOperation[] = ["synonym", "insert", "swap", "delete", "cut"];

  test("empty texts and spaces stay, one word is never lost", () => {
    for (const operation of all) {
      const variant = textAugmenter(1, { lexicon, operations: [operation], alpha: 1 });
      expect(["", " \n"].map((blank) => variant(blank, 0, 0))).toEqual(["", " \n"]);
      expect(variant("word", 0, 0)).toBe("word");
      expect(variant("w1", 0, 0)).not.toBe("");
    }
  });

  test("words without synonyms: what asks for them changes nothing", () => {
    const variant = textAugmenter(1, { lexicon, operations: ["synonym", "insert"] });
    expect([0, 1, 2].map((at) => variant("none has any", 3, at))).toEqual(Array(3).fill("none has any"));
  });

  test("any text, in words and in characters", () => {
    for (const units of ["words", "characters"] as const) {
      const variant = textAugmenter(1, { lexicon, operations: all, units });
      fc.assert(
        fc.property(fc.string({ unit: "binary" }), fc.nat(5), (some, at) => {
          const made = variant(some, 0, at);
          expect(made === "").toBe(some === "");
          expect(variant(some, 0, at)).toBe(made);
        }),
      );
    }
  });

  test("options are checked", () => {
    expect(() => textAugmenter(0, { operations: ["synonym"] })).toThrow('"synonym" must have a lexicon');
    expect(() => textAugmenter(0, { operations: ["swop" as never] })).toThrow('Did you mean "swap"?');
    expect(() => textAugmenter(0, { operations: [] })).toThrow("at least one operation");
    expect(() => textAugmenter(0, { alpha: 1.5 })).toThrow("alpha must be in [0, 1]; got 1.5");
    expect(() => textAugmenter(0, { alpha: { cuts: 1 } as never })).toThrow('Did you mean "cut"?');
    expect(() => textAugmenter(0, { lexicon: new Map() as never })).toThrow("lexicon must be a Lexicon");
    expect(() => textAugmenter(-1)).toThrow("seed must be a whole number of at least 0; got -1");
    expect(() => textAugmenter(0, { unit: "words" } as never)).toThrow('Did you mean "units"?');
  });
});

describe("Chinese", () => {
  const chinese = new Lexicon([
    ["电影", ["影片"]],
    ["电", ["电力"]],
    ["好看", ["精彩", "不错"]],
  ]);
  const sentence = "这部电影很好看，我看了3遍iPhone版。";

  test("words of the lexicon by the longest match, runs of Latin letters whole", () => {
    const variant = textAugmenter(0, {
      lexicon: chinese,
      units: "characters",
      operations: ["synonym"],
      alpha: 1,
    });
    const made = Array.from({ length: 20 }, (_, row) => variant(sentence, row, 0));
    expect(new Set(made)).toEqual(
      new Set(["这部影片很精彩，我看了3遍iPhone版。", "这部影片很不错，我看了3遍iPhone版。"]),
    );
  });

  test("spans of characters need no segmenter", () => {
    const cut = textAugmenter(0, { units: "characters", operations: ["cut"], alpha: 0.2 });
    const characters = [..."这部电影很好看我看了三遍"];
    for (let row = 0; row < 30; row++) {
      const made = cut(characters.join(""), row, 0);
      const from = [...made].findIndex((character, at) => character !== characters[at]);
      const start = from < 0 ? made.length : from;
      expect(made).toBe([...characters.slice(0, start), ...characters.slice(start + 2)].join(""));
    }
    const swap = textAugmenter(0, { units: "characters", operations: ["swap"] });
    expect(swap("天👩‍👩‍👧", 0, 0)).toBe("👩‍👩‍👧天");
  });
});

describe("data sets", () => {
  test("the paper's table by size", () => {
    expect([500, 501, 2000, 5000, 1e6].map((size) => edaStrength(size))).toEqual([
      { alpha: 0.05, variants: 16 },
      { alpha: 0.05, variants: 8 },
      { alpha: 0.05, variants: 8 },
      { alpha: 0.1, variants: 4 },
      { alpha: 0.1, variants: 4 },
    ]);
  });

  test("each text is followed by its variants, and they depend on nothing but seed, row and variant", () => {
    const texts = [text, text, "two words"];
    const made = augmentTexts({ texts, labels: ["a", "b", "c"], seed: 5, lexicon, variants: 4 });
    expect([...made.rows]).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
    expect(made.labels.join("")).toBe("aaaaabbbbbccccc");
    expect([0, 5, 10].map((at) => made.texts[at])).toEqual(texts);
    expect(new Set(made.texts.slice(0, 10)).size).toBe(9); // the text twice, and eight variants
    const variant = textAugmenter(5, { lexicon, alpha: 0.05 });
    expect(made.texts[8]).toBe(variant(text, 1, 2));
    const more = augmentTexts({ texts, labels: [1, 2, 3], seed: 5, lexicon, variants: 6 });
    expect(more.texts.slice(7, 12)).toEqual(made.texts.slice(5, 10));
    const other = augmentTexts({ texts, labels: [1, 2, 3], seed: 6, lexicon, variants: 4 });
    expect(other.texts.slice(1, 5)).not.toEqual(made.texts.slice(1, 5));
    expect(augmentTexts({ texts, labels: [1, 2, 3] }).texts).toHaveLength(51);
    expect(() => augmentTexts({ texts, labels: [1] })).toThrow("3 texts and 1 labels");
  });

  test("the same bits as ever", () => {
    const variant = textAugmenter(42, {
      lexicon: new Lexicon([["cat", ["tomcat"]]]),
      operations: ["swap", "delete", "insert", "cut"],
    });
    expect([0, 1, 2, 3].map((at) => variant("the cat sat on the mat", 1, at))).toMatchInlineSnapshot(`
      [
        "the mat sat on the cat",
        "the cat sat on the mat",
        "the cat sat on the mat tomcat",
        "the sat on the mat",
      ]
    `);
  });
});

describe("lexicons", () => {
  test("of a JSON file", async () => {
    const path = join(folder, "lexicon.json");
    writeFileSync(path, '{"film": ["movie", "Film"], "alone": []}');
    const read = await readLexicon(path);
    expect([read.size, read.of("FILM"), read.of("alone"), read.of("constructor")]).toEqual([
      1,
      ["movie"],
      [],
      [],
    ]);
    for (const wrong of ["[]", '{"film": "movie"}', '{"film": [""]}', "{", "null"]) {
      writeFileSync(path, wrong);
      await expect(readLexicon(path)).rejects.toThrow("lexicon.json: ");
    }
  });

  test("of WordNet's files", async () => {
    const line = (words: string[]) =>
      `00001740 03 n ${words.length.toString(16).padStart(2, "0")} ${words.map((word) => `${word} 0`).join(" ")} 000 | gloss`;
    const write = (part: string, lines: string[]) =>
      writeFileSync(join(folder, `data.${part}`), lines.join("\n"));
    write("noun", [
      "  1 the licence",
      line(["film", "motion_picture", "movie"]),
      line(["film", "Plastic"]),
      "",
    ]);
    write("verb", [line(["film", "shoot", "take"])]);
    write("adj", [line(["galore(ip)", "plentiful"])]);
    write("adv", [line(Array.from({ length: 17 }, (_, at) => `word${at}`))]);
    const read = await wordNetLexicon(folder);
    expect(read.of("film")).toEqual(["motion picture", "movie", "plastic", "shoot", "take"]);
    expect(read.of("galore")).toEqual(["plentiful"]);
    expect(read.of("word0")).toHaveLength(16);
    write("verb", [line(["film", "shoot"]), "00001740 03 n 09 film 0"]);
    await expect(wordNetLexicon(folder)).rejects.toThrow("data.verb, line 2: must be a synset");
  });
});
