/** Losses that take logits warn, while the graph is built, of those that are none: once for each place, naming it. */
import { checkpoint, jit, type Tensor, tensor } from "nabla";
import * as nn from "nabla/nn";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

let texts: unknown[] = [];
beforeEach(() => {
  texts = [];
  vi.spyOn(process, "emitWarning").mockImplementation((text) => {
    texts.push(text);
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const x = tensor([[1, 2, 3]]);
const label = tensor([1], { dtype: "i32" });

describe("functions", () => {
  test("are named, with the fix, once", () => {
    for (let i = 0; i < 2; i++) nn.crossEntropy(nn.softmax(x), label);
    nn.bceWithLogits(nn.sigmoid(x), x);
    nn.nll(nn.softmax(x), label);
    expect(texts).toEqual([
      "crossEntropy: its input must be logits, but it comes out of softmax: the loss applies softmax itself. Leave softmax out of the model, and apply it where probabilities are wanted.",
      "bceWithLogits: its input must be logits, but it comes out of sigmoid: the loss applies sigmoid itself. Leave sigmoid out of the model, and apply it where probabilities are wanted.",
      "nll: its input must be log-probabilities, but it comes out of softmax: their logarithm is missing. Use logSoftmax there.",
    ]);
  });

  test("are seen through what only moves numbers, and in a checkpoint", () => {
    nn.focal(nn.sigmoid(x).reshape([3]).unsqueeze(0).slice([0, 1]), x);
    nn.categoricalFocal(nn.softmax(x.transpose(), 0).transpose(), label);
    nn.ctc(nn.softmax(x).broadcastTo([2, 4, 3]), tensor([[1], [2]], { dtype: "i32" }));
    nn.klDivergence(checkpoint((z: Tensor) => nn.softmax(z.mul(2)))(x), x);
    const named = texts.map((text) => /^(\w+): .* comes out of (\w+):/.exec(String(text))?.slice(1));
    expect(named).toEqual([
      ["focal", "sigmoid"],
      ["categoricalFocal", "softmax"],
      ["ctc", "softmax"],
      ["klDivergence", "softmax"],
    ]);
  });

  test("logits and log-probabilities are none of it", () => {
    nn.crossEntropy(x, label);
    nn.crossEntropy(nn.sigmoid(x).mul(2), label);
    nn.crossEntropy(nn.softplus(x), label);
    nn.nll(nn.logSoftmax(x), label);
    nn.bce(nn.sigmoid(x), x);
    expect(texts).toEqual([]);
  });
});

describe("layers", () => {
  class Head extends nn.Module {
    readonly inner = new nn.Linear(3, 3);
    forward(input: Tensor): Tensor {
      return nn.sigmoid(this.inner.forward(input)).reshape([1, 3]);
    }
  }

  test("the place of the function is that of the innermost layer", () => {
    const inner = new nn.Sequential(nn.relu, (z) => nn.softmax(z, -1));
    const model = new nn.Sequential(new nn.Linear(3, 3), inner, new nn.Flatten(), nn.dropout(0.5)).init(0);
    nn.crossEntropy(model.forward(x), label);
    expect(texts[0]).toContain(" comes out of softmax (layers/1/layers/1): the loss applies softmax itself.");
  });

  test("a module is named with its path, also when a step is compiled, and once", () => {
    const model = new nn.Sequential(nn.tanh, new Head()).init(0);
    const step = jit((input: Tensor, t: Tensor) => nn.bceWithLogits(model.forward(input), t));
    step(x, x);
    step(x, x);
    nn.bceWithLogits(model.forward(x), x);
    expect(texts).toEqual([
      "bceWithLogits: its input must be logits, but it comes out of sigmoid (Head layers/1): the loss applies sigmoid itself. Leave sigmoid out of the model, and apply it where probabilities are wanted.",
    ]);
  });
});
