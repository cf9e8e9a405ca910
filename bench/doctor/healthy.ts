/** Runs that are as they should be, on different data: the doctor must find nothing severe in them. */

import type { Tensor } from "nabla";
import { dataset, mnist } from "nabla/data";
import {
  BatchNorm,
  bceWithLogits,
  Conv2d,
  crossEntropy,
  Embedding,
  Flatten,
  Gpt,
  gelu,
  LayerNorm,
  Linear,
  LSTM,
  MaxPool2d,
  Module,
  mse,
  Reshape,
  relu,
  Sequential,
  tanh,
} from "nabla/nn";
import { adam, adamW, chain, clipByGlobalNorm, sgd } from "nabla/optim";
import { defineExperiment, type Experiment } from "nabla/train";
import {
  blobRows,
  changed,
  curveRows,
  draws,
  parts,
  planeRows,
  sequenceParts,
  spiralRows,
  suiteSeed,
} from "./problems.ts";

export interface Healthy {
  readonly name: string;
  readonly experiment: Experiment;
}

/** Words of a bag, averaged. */
class Bag extends Module {
  readonly words = new Embedding(50, 16);
  readonly head = new Linear(16, 2);
  forward(x: Tensor, ctx: Parameters<Module["forward"]>[1]): Tensor {
    return this.head.forward(this.words.forward(x, ctx).mean(1), ctx);
  }
}

function bags(n: number, seed: number) {
  const { uniform } = draws(seed);
  const words = Array.from({ length: n }, (_, i) =>
    Array.from({ length: 12 }, () => Math.floor(uniform() * 40) + (uniform() < 0.25 ? 10 * (i % 2) : 0)),
  );
  return dataset({
    x: { data: Int32Array.from(words.flat()), shape: [n, 12] },
    y: Int32Array.from({ length: n }, (_, i) => i % 2),
  });
}

const text = "the cat sat on the mat and the dog sat on the log while the hen ran to the den ".repeat(60);
const letters = [...new Set(text)].sort();

function characters(context: number) {
  const tokens = Int32Array.from(text, (letter) => letters.indexOf(letter));
  const count = Math.floor((tokens.length - 1) / context);
  const part = (from: number, to: number) => {
    const shape = [to - from, context];
    const cut = (shift: number) => tokens.slice(from * context + shift, to * context + shift);
    return dataset({ x: { data: cut(0), shape }, y: { data: cut(1), shape } });
  };
  return { train: part(0, Math.floor(count * 0.9)), validation: part(Math.floor(count * 0.9), count) };
}

async function digits(rows: number) {
  const { train, test } = await mnist();
  return { train: train.head(rows), validation: test.head(1000) };
}

const healthy: readonly Experiment[] = [
  {
    name: "blobs",
    data: parts(blobRows(2000), 1600),
    model: () => new Sequential(new Linear(8, 32), relu, new Linear(32, 4)),
    loss: crossEntropy,
    optimizer: adam(3e-3),
  },
  {
    name: "spirals",
    data: parts(spiralRows(1500), 1200),
    model: () => new Sequential(new Linear(2, 64), tanh, new Linear(64, 64), tanh, new Linear(64, 3)),
    loss: crossEntropy,
    optimizer: adam(3e-3),
  },
  {
    name: "curve",
    data: parts(curveRows(1500), 1200, false),
    model: () => new Sequential(new Linear(6, 64), relu, new Linear(64, 64), relu, new Linear(64, 1)),
    loss: mse,
    optimizer: adam(1e-3),
  },
  {
    name: "plane",
    data: parts(planeRows(600), 480, false),
    model: () => new Sequential(new Linear(5, 1)),
    loss: mse,
    optimizer: sgd(0.01),
  },
  {
    name: "two-classes",
    data: parts(
      changed(blobRows(1500, { classes: 2, seed: 11 }), (row) => row),
      1200,
      false,
    ),
    model: () => new Sequential(new Linear(8, 16), gelu, new Linear(16, 1)),
    loss: bceWithLogits,
    optimizer: sgd(0.1, { momentum: 0.9 }),
  },
  {
    name: "digits",
    data: () => digits(4000),
    model: () => new Sequential(new Linear(784, 128), relu, new Linear(128, 128), relu, new Linear(128, 10)),
    loss: crossEntropy,
    optimizer: adam(1e-3),
  },
  {
    name: "digits-convolution",
    data: () => digits(2000),
    model: () =>
      new Sequential(
        new Reshape([28, 28, 1]),
        new Conv2d(1, 8, 3),
        new BatchNorm(8),
        relu,
        new MaxPool2d(2),
        new Conv2d(8, 16, 3),
        new BatchNorm(16),
        relu,
        new MaxPool2d(2),
        new Flatten(),
        new Linear(400, 10),
      ),
    loss: crossEntropy,
    optimizer: adamW(3e-3),
  },
  {
    name: "sequences",
    data: sequenceParts(1500, 1200),
    model: () => new Sequential(new LSTM(2, 16, { returnSequences: false }), new Linear(16, 2)),
    loss: crossEntropy,
    optimizer: chain(clipByGlobalNorm(1), adam(1e-2)),
  },
  {
    name: "bags-of-words",
    data: { train: bags(1500, 21), validation: bags(400, 22) },
    model: () => new Bag(),
    loss: crossEntropy,
    optimizer: adam(1e-2),
  },
  {
    name: "characters",
    data: characters(16),
    model: () => new Gpt({ vocabulary: letters.length, width: 32, layers: 2, heads: 2, context: 16 }),
    loss: crossEntropy,
    optimizer: adamW(3e-3),
    batchSize: 16,
  },
  {
    name: "autoencoder",
    data: () => {
      const list = blobRows(1500, { classes: 6, dims: 12, spread: 0.3, seed: 31 }).map(([x]) => [...x]);
      const both = (from: number, to: number) =>
        dataset({ x: list.slice(from, to), y: list.slice(from, to) });
      return { train: both(0, 1200), validation: both(1200, 1500) };
    },
    model: () =>
      new Sequential(
        new Linear(12, 32),
        relu,
        new Linear(32, 4),
        new Linear(4, 32),
        relu,
        new Linear(32, 12),
      ),
    loss: mse,
    optimizer: adam(3e-3),
  },
  {
    name: "deep-with-norms",
    data: parts(blobRows(2000, { classes: 6, dims: 10, seed: 41 }), 1600),
    model: () =>
      new Sequential(
        ...Array.from({ length: 10 }, (_, i) => [
          new Linear(i === 0 ? 10 : 32, 32),
          new LayerNorm(32),
          relu,
        ]).flat(),
        new Linear(32, 6),
      ),
    loss: crossEntropy,
    optimizer: adam(1e-3),
  },
];

export const healthyRuns: readonly Healthy[] = healthy.map((experiment) => ({
  name: experiment.name,
  experiment: defineExperiment({ seed: suiteSeed, ...experiment }),
}));
