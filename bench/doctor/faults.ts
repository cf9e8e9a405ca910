/** Sabotage: experiments with one fault each, and what the doctor must name first. */
import type { Tensor } from "nabla";
import { type Dataset, dataset, mnist } from "nabla/data";
import type { FindingId } from "nabla/doctor";
import {
  bceWithLogits,
  constant,
  crossEntropy,
  freeze,
  huber,
  Linear,
  Module,
  mse,
  normal,
  RNN,
  relu,
  Sequential,
  sigmoid,
  softmax,
  tanh,
  uniform,
  zeros,
} from "nabla/nn";
import { adam, adamW, sgd } from "nabla/optim";
import { defineExperiment, type Experiment } from "nabla/train";
import { blobRows, changed, curveRows, parts, sequenceParts, spiralRows, suiteSeed } from "./problems.ts";

export interface Fault {
  readonly name: string;
  /** The right answer; more where two names are both right. */
  readonly expected: readonly FindingId[];
  readonly experiment: Experiment;
  /** Steps of the probe, where the fault takes longer to show. */
  readonly steps?: number;
}

/** A healthy experiment to spoil. */
const blobs = {
  name: "blobs",
  data: parts(blobRows(2000), 1600),
  model: () => new Sequential(new Linear(8, 32), relu, new Linear(32, 4)),
  loss: crossEntropy,
  optimizer: adam(3e-3),
} satisfies Experiment;

const pair = () => new Sequential(new Linear(8, 16), relu, new Linear(16, 1));
const two = blobRows(1500, { classes: 2, seed: 11 });

const curve = {
  name: "curve",
  data: parts(curveRows(1500), 1200, false),
  model: () => new Sequential(new Linear(6, 64), relu, new Linear(64, 64), relu, new Linear(64, 1)),
  loss: mse,
  optimizer: adam(1e-3),
} satisfies Experiment;

/** With a branch that the output does not depend on. */
class Forgotten extends Module {
  readonly used = new Linear(8, 32);
  readonly unused = new Linear(8, 32);
  readonly head = new Linear(32, 4);
  forward(x: Tensor): Tensor {
    this.unused.forward(x);
    return this.head.forward(relu(this.used.forward(x)));
  }
}

/** A logarithm of what may be negative. */
class Logarithm extends Module {
  forward(x: Tensor): Tensor {
    return x.log();
  }
}

const sorted = blobRows(2000)
  .slice(0, 1600)
  .sort(([, a], [, b]) => a - b);

/** Pixels as the files have them. */
const bytes = ({ x, y }: Dataset): Dataset =>
  dataset({ x: { data: x.data.map((value) => value * 255), shape: x.shape }, y: y.data });

const spoiled: readonly (readonly [FindingId | readonly FindingId[], Experiment, number?])[] = [
  [
    "vanishing-gradients",
    {
      ...blobs,
      name: "forty-sigmoid-layers",
      model: () =>
        new Sequential(
          ...Array.from({ length: 40 }, (_, i) => [new Linear(i === 0 ? 8 : 32, 32), sigmoid]).flat(),
          new Linear(32, 4),
        ),
    },
  ],
  ["learning-rate-too-high", { ...blobs, name: "rate-times-100", optimizer: adam(1) }],
  ["learning-rate-too-high", { ...curve, name: "descent-diverges", optimizer: sgd(1, { momentum: 0.9 }) }],
  ["learning-rate-too-low", { ...blobs, name: "rate-by-1000", optimizer: adam(1e-6) }],
  ["learning-rate-too-low", { ...curve, name: "descent-crawls", optimizer: sgd(1e-5) }],
  [
    "sorted-not-shuffled",
    {
      ...blobs,
      name: "sorted-labels",
      data: {
        train: parts([...sorted, ...sorted.slice(0, 1)], 1600).train,
        validation: blobs.data.validation,
      },
      shuffle: false,
    },
  ],
  [
    "probabilities-into-loss",
    {
      ...blobs,
      name: "sigmoid-twice",
      data: parts(two, 1200, false),
      model: () => new Sequential(new Linear(8, 16), relu, new Linear(16, 1), sigmoid),
      loss: bceWithLogits,
    },
  ],
  [
    "probabilities-into-loss",
    {
      ...blobs,
      name: "softmax-twice",
      model: () => new Sequential(new Linear(8, 32), relu, new Linear(32, 4), softmax),
    },
  ],
  [
    "inputs-not-scaled",
    {
      ...blobs,
      name: "inputs-not-scaled",
      data: parts(
        changed(blobRows(2000), ([x, y]) => [x.map((value, j) => value * 10 ** (j % 4) * 50 + 300 * j), y]),
        1600,
      ),
    },
  ],
  [
    "dead-units",
    {
      ...blobs,
      name: "dead-relus",
      model: () =>
        new Sequential(
          new Linear(8, 32),
          relu,
          new Linear(32, 32, { biasInit: constant(-20) }),
          relu,
          new Linear(32, 4),
        ),
    },
  ],
  [
    "exploding-gradients",
    {
      ...blobs,
      name: "exploding-recurrence",
      data: sequenceParts(1500, 1200, { time: 40 }),
      model: () =>
        new Sequential(
          new RNN(2, 16, { returnSequences: false, nonlinearity: "relu", hiddenInit: uniform(-0.9, 0.9) }),
          new Linear(16, 2),
        ),
      optimizer: adam(3e-3),
    },
  ],
  [
    "noisy-gradients",
    {
      ...blobs,
      name: "batches-of-one",
      data: parts(blobRows(2000, { spread: 3, seed: 8 }), 1600),
      optimizer: sgd(0.05),
      batchSize: 1,
    },
    1200,
  ],
  [
    "noisy-gradients",
    {
      ...blobs,
      name: "batches-of-six",
      data: parts(blobRows(2000, { spread: 2, seed: 8 }), 1600),
      optimizer: sgd(0.1),
      batchSize: 6,
    },
    1200,
  ],
  [
    "sharpness-above-edge",
    {
      ...curve,
      name: "descent-bounces",
      model: () => new Sequential(new Linear(6, 64), tanh, new Linear(64, 64), tanh, new Linear(64, 1)),
      loss: huber, // its gradient is bounded: steps that are too long bounce and do not diverge
      optimizer: sgd(1),
      batchSize: 128,
    },
  ],
  [
    "overfitting",
    {
      ...blobs,
      name: "two-hundred-rows",
      data: parts(blobRows(1000, { spread: 2, seed: 9, dims: 16 }), 200),
      model: () => new Sequential(new Linear(16, 256), relu, new Linear(256, 256), relu, new Linear(256, 4)),
    },
  ],
  [
    "leaking-column",
    {
      ...blobs,
      name: "leaking-column",
      data: parts(
        changed(blobRows(2000), ([x, y]) => [[...x.slice(0, 7), y * 0.7 - 1], y]),
        1600,
      ),
    },
  ],
  [
    "constant-initialisation",
    {
      ...blobs,
      name: "zeros-to-begin-with",
      model: () =>
        new Sequential(
          new Linear(8, 32, { weightInit: zeros }),
          relu,
          new Linear(32, 4, { weightInit: zeros }),
        ),
    },
  ],
  [
    "initialisation-scale",
    {
      ...blobs,
      name: "weights-too-large",
      model: () =>
        new Sequential(
          new Linear(8, 32, { weightInit: normal(10) }),
          relu,
          new Linear(32, 32, { weightInit: normal(10) }),
          relu,
          new Linear(32, 4, { weightInit: normal(10) }),
        ),
    },
  ],
  [
    ["initialisation-scale", "vanishing-gradients"],
    {
      ...blobs,
      name: "weights-too-small",
      model: () =>
        new Sequential(
          ...Array.from({ length: 8 }, (_, i) => [
            new Linear(i === 0 ? 8 : 32, 32, { weightInit: normal(1e-3) }),
            relu,
          ]).flat(),
          new Linear(32, 4, { weightInit: normal(1e-3) }),
        ),
    },
  ],
  [
    "underfitting",
    {
      ...blobs,
      name: "one-hidden-unit",
      data: parts(spiralRows(1500), 1200),
      model: () => new Sequential(new Linear(2, 1), tanh, new Linear(1, 3)),
      optimizer: adam(1e-2),
    },
    600,
  ],
  [
    "data-not-finite",
    {
      ...blobs,
      name: "nan-in-the-data",
      data: parts(
        changed(blobRows(2000), ([x, y], i) => [i % 97 === 13 ? [Number.NaN, ...x.slice(1)] : x, y]),
        1600,
      ),
    },
  ],
  [
    "labels-out-of-range",
    {
      ...blobs,
      name: "labels-from-one",
      data: parts(
        changed(blobRows(2000), ([x, y]) => [x, y + 1]),
        1600,
      ),
    },
  ],
  [
    "frozen-at-random",
    {
      ...blobs,
      name: "frozen-layers",
      model: () => {
        const model = new Sequential(new Linear(8, 4), relu, new Linear(4, 32), relu, new Linear(32, 4));
        freeze(model, ["layers/0", "layers/2"]);
        return model;
      },
    },
  ],
  ["unused-parameters", { ...blobs, name: "forgotten-branch", model: () => new Forgotten() }],
  [
    "output-width",
    {
      ...blobs,
      name: "one-output-for-classes",
      data: parts(two, 1200),
      model: pair,
    },
  ],
  [
    "targets-out-of-range",
    {
      ...curve,
      name: "relu-at-the-end",
      model: () => new Sequential(new Linear(6, 64), relu, new Linear(64, 1), relu),
    },
  ],
  [
    "targets-not-scaled",
    {
      ...curve,
      name: "targets-not-scaled",
      data: parts(
        changed(curveRows(1500), ([x, y]) => [x, 50_000 + 20_000 * y]),
        1200,
        false,
      ),
    },
  ],
  ["decay-too-strong", { ...blobs, name: "decay-too-strong", optimizer: adamW(3e-3, { weightDecay: 30 }) }],
  [
    "operation-not-finite",
    {
      ...curve,
      name: "logarithm-of-negatives",
      model: () =>
        new Sequential(new Linear(6, 64), relu, new Linear(64, 8), new Logarithm(), new Linear(8, 1)),
    },
  ],
  [
    "validation-shift",
    {
      ...blobs,
      name: "validation-not-prepared",
      data: {
        train: blobs.data.train,
        validation: parts(
          changed(blobRows(401, { seed: 1 }), ([x, y]) => [x.map((value) => value * 3 + 20), y]),
          400,
        ).train,
      },
    },
  ],
  [
    "validation-leak",
    {
      ...blobs,
      name: "validation-among-training",
      data: { train: blobs.data.train, validation: blobs.data.train.head(400) },
    },
  ],
  [
    "inputs-not-scaled",
    {
      ...blobs,
      name: "pixels-to-255",
      data: async () => {
        const { train, test } = await mnist();
        return { train: bytes(train.head(3000)), validation: bytes(test.head(500)) };
      },
      model: () => new Sequential(new Linear(784, 64), sigmoid, new Linear(64, 10)),
    },
  ],
];

export const faults: readonly Fault[] = spoiled.map(([expected, experiment, steps]) => ({
  name: experiment.name,
  expected: typeof expected === "string" ? [expected] : expected,
  experiment: defineExperiment({ seed: suiteSeed, ...experiment }),
  ...(steps !== undefined && { steps }),
}));
