/** Anything with a name follows the step: rates of layers, and the smoothing of labels. */
import { random, type Tensor, tensor } from "nabla";
import { dataset } from "nabla/data";
import {
  AlphaDropout,
  alphaDropout,
  type Context,
  context,
  crossEntropy,
  dropout,
  dropPath,
  gaussianNoise,
  Linear,
  type Module,
  MultiHeadAttention,
  Sequential,
  spatialDropout,
} from "nabla/nn";
import { linear, piecewise, sgd } from "nabla/optim";
import { type Loss, Trainer } from "nabla/train";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/util/index.ts";

const x = random.normal(random.key(5), [6, 5, 8]);
const key = random.key(3);
const list = async (t: Tensor): Promise<number[]> => [...(await t.data())].map(Number);

/** What takes a context. */
interface Forward {
  forward(x: Tensor, ctx?: Context): Tensor;
}

const layers: Record<string, (rate: number | ((step: Tensor) => Tensor)) => Forward> = {
  dropout,
  spatialDropout,
  dropPath,
  alphaDropout,
  gaussianNoise,
  attention: (rate) => new MultiHeadAttention(8, { heads: 2, dropout: rate }).init(0),
};

describe("a layer whose number follows the step", () => {
  // 0.25 and 0.5 at steps 1 and 2: halves and quarters, so that both ways round alike.
  const rising = linear({ from: 0, to: 1, steps: 4 });
  for (const [name, make] of Object.entries(layers)) {
    it(`${name}: is at each step what the number makes it`, async () => {
      for (const [step, rate] of [
        [1, 0.25],
        [2, 0.5],
      ] as const) {
        const following = await list(make(rising).forward(x, context({ train: true, key, step })));
        const fixed = await list(make(rate).forward(x, context({ train: true, key })));
        following.forEach((value, i) => {
          expect(value).toBeCloseTo(fixed[i] as number, 5);
        });
      }
      const first = await list(make(rising).forward(x, context({ train: true, key, step: 0 })));
      const none = await list(make(0).forward(x, context({ train: true, key })));
      first.forEach((value, i) => {
        expect(value).toBeCloseTo(none[i] as number, 6);
      });
    });

    it(`${name}: asks for the step in training, and not else`, async () => {
      const layer = make(rising);
      expect(() => layer.forward(x, context({ train: true, key }))).toThrow(ConfigError);
      expect(() => layer.forward(x, context({ train: true, key }))).toThrow(/must say the step/);
      expect(await list(layer.forward(x))).toEqual(await list(make(0).forward(x)));
    });
  }

  it("refuses numbers out of range still", () => {
    expect(() => new AlphaDropout(1)).toThrow("alphaDropout: rate must be at least 0 and below 1; got 1.");
    expect(() => gaussianNoise(-1)).toThrow(
      "gaussianNoise: deviation must be at least 0 and finite; got -1.",
    );
    expect(() => new MultiHeadAttention(8, { heads: 2, dropout: Number.NaN })).toThrow(
      "MultiHeadAttention: dropout must be at least 0 and below 1; got NaN.",
    );
  });
});

describe("label smoothing", () => {
  const logits = random.normal(random.key(7), [4, 3]);
  const dense = random.uniform(random.key(8), [4, 3]);
  for (const [name, targets, options] of [
    ["class numbers", tensor([0, 2, 1, 1], { dtype: "i32" }), {}],
    ["weighted class numbers", tensor([0, 2, 1, 1], { dtype: "i32" }), { classWeights: [1, 2, 3] }],
    ["probabilities", dense, {}],
  ] as const) {
    it(`of ${name} may be a tensor`, async () => {
      for (const labelSmoothing of [0, 0.25]) {
        const following = crossEntropy(logits, targets, {
          ...options,
          labelSmoothing: tensor(labelSmoothing),
        });
        const fixed = crossEntropy(logits, targets, { ...options, labelSmoothing });
        expect(await following.item()).toBeCloseTo(await fixed.item(), 6);
      }
    });
  }

  it("must be 0-d", () => {
    expect(() => crossEntropy(logits, dense, { labelSmoothing: tensor([0.1, 0.2]) })).toThrow(
      "crossEntropy: labelSmoothing must be 0-d; got f32[2].",
    );
  });
});

describe("a trainer", () => {
  const rows = dataset({
    x: Array.from({ length: 8 }, (_, i) => [i / 8, 1 - i / 8]),
    y: Array.from({ length: 8 }, (_, i) => i % 2),
  });
  const trained = (loss: Loss, model: Module, epochs: number) =>
    new Trainer({ model, loss, optimizer: sgd(0) }).fit(rows, { epochs, batchSize: 8, validation: rows });

  it("tells the loss the step it is at, in training and in evaluation", async () => {
    const loss: Loss = {
      at:
        ({ step, train }) =>
        (outputs) =>
          outputs
            .mean()
            .mul(0)
            .add(step.astype("f32").add(train ? 100 : 0)),
    };
    const { history } = await trained(loss, new Sequential(new Linear(2, 2)), 3);
    expect(history.map(({ train, validation }) => [train.loss, validation?.loss])).toEqual([
      [100, 1],
      [101, 2],
      [102, 3],
    ]);
  });

  it("lets dropout follow the step", async () => {
    // Off for two steps, then on: without learning only dropout moves the loss.
    const rate = piecewise({ values: [0, 0.5], boundaries: [2] });
    const { history } = await trained(
      crossEntropy,
      new Sequential(new Linear(2, 16), dropout(rate), new Linear(16, 2)),
      4,
    );
    const [a, b, c] = history.map(({ train }) => train.loss);
    expect(a).toBe(b);
    expect(c).not.toBe(a);
  });

  it("refuses what is no loss", () => {
    const loss = {} as Loss;
    expect(() => new Trainer({ model: new Linear(2, 2), loss, optimizer: sgd(0.1) })).toThrow(
      "Trainer: loss must be a function or { at }; got object.",
    );
  });
});
