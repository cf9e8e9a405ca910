import { tensor } from "nabla";
import { describe, expect, test } from "vitest";
import {
  charTokenizer,
  loader,
  nextTokenDataset,
  padSequences,
  textDataset,
  trainBpe,
  wordTokenizer,
} from "../../../src/data/index.ts";
import { Embedding, paddingMask } from "../../../src/nn/index.ts";

const rows = [[5, 6, 7], [], Int32Array.of(8)];

describe("padSequences", () => {
  test("fills at the right or the left, to a multiple, and tells tokens from padding", () => {
    const right = padSequences(rows, { padding: 9, multipleOf: 2 });
    expect(right.ids.shape).toEqual([3, 4]);
    expect([...right.ids.data]).toEqual([5, 6, 7, 9, 9, 9, 9, 9, 8, 9, 9, 9]);
    expect([...right.mask.data]).toEqual([1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    expect([...right.lengths]).toEqual([3, 0, 1]);
    const left = padSequences(rows, { padding: 9, side: "left" });
    expect([...left.ids.data]).toEqual([5, 6, 7, 9, 9, 9, 9, 9, 8]);
    expect([...left.mask.data]).toEqual([1, 1, 1, 0, 0, 0, 0, 0, 1]);
  });

  test("cuts off either end, or says which row is too long", () => {
    const cut = (truncate: "left" | "right") =>
      padSequences(rows, { padding: 0, length: 2, truncate }).ids.data;
    expect([...cut("right")]).toEqual([5, 6, 0, 0, 8, 0]);
    expect([...cut("left")]).toEqual([6, 7, 0, 0, 8, 0]);
    expect(() => padSequences(rows, { padding: 0, length: 2, truncate: "error" })).toThrow(
      "at most 2 tokens; row 0 has 3",
    );
  });

  test("lengths are those that nn's paddingMask takes", async () => {
    const { lengths, mask } = padSequences(rows, { padding: 0 });
    const theirs = await paddingMask(tensor(lengths), 3).data();
    expect(Array.from(theirs, Number)).toEqual([...mask.data]);
  });

  test("refuses wrong options and nothing at all", () => {
    expect(() => padSequences(rows, { padding: 0, size: "left" } as never)).toThrow('Did you mean "side"?');
    expect(() => padSequences(rows, { padding: -1 })).toThrow(
      "padding must be a whole number of at least 0; got -1",
    );
    expect(() => padSequences(rows, { padding: 0, side: "top" as never })).toThrow(
      '"left" or "right"; got "top"',
    );
    expect(() => padSequences(rows, { padding: 0, truncate: "no" as never })).toThrow('"error"; got "no"');
    expect(() => padSequences([], { padding: 0 })).toThrow("at least one sequence; got none");
    expect(() => padSequences([[]], { padding: 0 })).toThrow("all are empty");
  });
});

describe("textDataset", () => {
  const texts = ["good film", "bad", "good good film"];
  const tokenizer = wordTokenizer(texts, { special: ["<pad>"] });

  test("numbers classes by name, and pads with a token that no text has", async () => {
    const made = textDataset({ texts, labels: ["yes", "no", "yes"], tokenizer, length: 4 });
    expect(made.classes).toEqual(["no", "yes"]);
    expect([...made.data.x.data]).toEqual([2, 3, 0, 0, 4, 0, 0, 0, 2, 2, 3, 0]);
    expect([...made.data.y.data]).toEqual([1, 0, 1]);
    expect([...made.lengths]).toEqual([2, 1, 3]);
    for await (const { x } of loader(made.data, { batchSize: 3 })) {
      expect(Array.from(await x.ne(made.padding).data(), Number)).toEqual([...made.mask.data]);
      const embedded = new Embedding(tokenizer.size, 2, { paddingIndex: made.padding }).init(0).forward(x);
      expect((await embedded.data()).slice(4, 8)).toEqual(new Float32Array(4));
    }
  });

  test("takes the classes of the training set, and numbers", () => {
    const { data } = textDataset({ texts, labels: ["b", "b", "a"], tokenizer, classes: ["c", "b", "a"] });
    expect([...data.y.data]).toEqual([1, 1, 2]);
    expect([...textDataset({ texts, labels: [2, 0, 1], tokenizer }).data.y.data]).toEqual([2, 0, 1]);
  });

  test("names the row of a wrong label", () => {
    const made = (labels: readonly (string | number)[], classes?: string[]) => () =>
      textDataset({ texts, labels, tokenizer, ...(classes && { classes }) });
    expect(made(["a", "b", "c"], ["a", "b"])).toThrow('labels must be one of a, b; row 2 has "c"');
    expect(made(["a", 1, "b"])).toThrow("row 1 has 1");
    expect(made([0, 1.5, 2])).toThrow("row 1 has 1.5");
    expect(made([0, 2, 1], ["a", "b"])).toThrow("row 1 has 2");
    expect(made([0, 1])).toThrow("3 texts and 2 labels");
    const plain = charTokenizer(["abc"]);
    expect(() => textDataset({ texts: ["a"], labels: [0], tokenizer: plain })).toThrow('"<pad>" is none');
  });
});

describe("nextTokenDataset", () => {
  const tokenizer = charTokenizer(["abcdefghij"], { special: ["<end>"] });

  test("each target is the token after", () => {
    const data = nextTokenDataset(["abcdefg"], tokenizer, { context: 3 });
    expect(data.x.shape).toEqual([2, 3]);
    expect([...data.x.data]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...data.y.data]).toEqual([2, 3, 4, 5, 6, 7]);
  });

  test("windows may overlap, and texts end", () => {
    const data = nextTokenDataset(["ab", "cd"], tokenizer, { context: 3, stride: 1, end: "<end>" });
    expect([...data.x.data]).toEqual([1, 2, 0, 2, 0, 3, 0, 3, 4]);
    expect([...data.y.data]).toEqual([2, 0, 3, 0, 3, 4, 3, 4, 0]);
  });

  test("long texts of BPE: rows say the text again", () => {
    const text = "to be or not to be, ".repeat(20_000);
    const bpe = trainBpe([text], { size: 270 });
    const data = nextTokenDataset([text], bpe, { context: 50 });
    expect(text.startsWith(bpe.decode(data.x.data))).toBe(true);
  });

  test("says when there is too little", () => {
    expect(() => nextTokenDataset(["abc"], tokenizer, { context: 3 })).toThrow("at least 4 tokens");
    expect(() => nextTokenDataset(["abc"], tokenizer, { context: 1, end: "a" })).toThrow('"a" is none');
    expect(() => nextTokenDataset(["abc"], tokenizer, { contxt: 1 } as never)).toThrow(
      'Did you mean "context"?',
    );
  });
});
