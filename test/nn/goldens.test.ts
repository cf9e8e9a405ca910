/** Activations and losses against PyTorch, values and gradients (goldens/generate.py). */
import { readFileSync } from "node:fs";
import { grad, type Tensor, tensor } from "nabla";
import * as nn from "nabla/nn";
import { describe, expect, test } from "vitest";
import { devices } from "./devices.ts";

interface Pair {
  value: number[];
  gradient: number[];
  second?: (number | null)[]; // null where there is none
}
const golden = JSON.parse(readFileSync(new URL("./goldens/nn.json", import.meta.url), "utf8")) as {
  x: number[];
  activations: Record<string, Pair>;
  logits: number[][];
  labels: number[];
  dense: number[][];
  predictions: number[][];
  targets: number[][];
  binaryLogits: number[][];
  binary: number[][];
  losses: Record<string, Record<nn.Reduction, Pair>>;
};

/** Equal to 1e-6 relative, or absolute below 1. */
function close(got: ArrayLike<number>, expected: readonly number[], what: string): void {
  expect(got).toHaveLength(expected.length);
  expected.forEach((value, i) => {
    const error = Math.abs((got[i] as number) - value);
    expect(error, `${what} ${i}: ${got[i]} for ${value}`).toBeLessThanOrEqual(
      1e-6 * Math.max(1, Math.abs(value)),
    );
  });
}

const activations: Record<string, (x: Tensor) => Tensor> = {
  relu: nn.relu,
  leakyRelu: (x) => nn.leakyRelu(x),
  "leakyRelu 0.2": (x) => nn.leakyRelu(x, 0.2),
  elu: (x) => nn.elu(x),
  "elu 0.5": (x) => nn.elu(x, 0.5),
  selu: nn.selu,
  gelu: nn.gelu,
  geluTanh: nn.geluTanh,
  silu: nn.silu,
  mish: nn.mish,
  softplus: nn.softplus,
  sigmoid: nn.sigmoid,
  tanh: nn.tanh,
  identity: nn.identity,
  softmax: (x) => nn.softmax(x),
  logSoftmax: (x) => nn.logSoftmax(x),
  logSigmoid: nn.logSigmoid,
  softsign: nn.softsign,
  hardTanh: (x) => nn.hardTanh(x),
  "hardTanh -0.5 5": (x) => nn.hardTanh(x, -0.5, 5),
  relu6: nn.relu6,
  hardSigmoid: nn.hardSigmoid,
  hardSwish: nn.hardSwish,
  prelu: (x) => nn.prelu(x, x.mul(0).add(0.25)),
  glu: (x) => nn.glu(x),
  geglu: (x) => nn.geglu(x),
  swiglu: (x) => nn.swiglu(x),
  reglu: (x) => nn.reglu(x),
};

describe.each(devices)("on %s", (device) => {
  test.each(Object.keys(golden.activations))("%s", async (name) => {
    const f = activations[name] as (x: Tensor) => Tensor;
    const expected = golden.activations[name] as Pair;
    const x = tensor(golden.x, { device });
    const along = (values: number[]) => tensor(values, { device });
    const weights = along(expected.value.map((_, i) => (name === "softmax" ? i + 1 : 1)));
    close(await f(x).data(), expected.value, "value");
    const slope = grad((t: Tensor) => f(t).mul(weights).sum());
    close(await slope(x).data(), expected.gradient, "gradient");
    if (!expected.second) return;
    const directions = along(golden.x.map((_, i) => Math.cos(i)));
    const curve = grad((t: Tensor) => slope(t).mul(directions).sum())(x);
    const got = [...(await curve.data())];
    expected.second.forEach((value, i) => {
      if (value === null) return;
      // In f32 1 - tanh^2 cancels.
      const error = Math.abs((got[i] as number) - value) / Math.max(1, Math.abs(value));
      expect(error, `second derivative ${i}: ${got[i]} for ${value}`).toBeLessThanOrEqual(5e-6);
    });
  });

  const sparse = (dtype: "i32" | "i8" | "u32" = "i32") =>
    tensor(golden.labels, { dtype: "i32", device }).astype(dtype);
  const dense = () => tensor(golden.dense, { device });
  const logits = () => tensor(golden.logits, { device });
  const predictions = () => tensor(golden.predictions, { device });
  const targets = () => tensor(golden.targets, { device });
  const binaryLogits = () => tensor(golden.binaryLogits, { device });
  const binary = () => tensor(golden.binary, { device });
  type Loss = [() => Tensor, (x: Tensor, reduction: nn.Reduction) => Tensor];
  const losses: Record<string, Loss> = {
    "crossEntropy sparse": [logits, (x, reduction) => nn.crossEntropy(x, sparse(), { reduction })],
    "crossEntropy sparse smooth": [
      logits,
      (x, reduction) => nn.crossEntropy(x, sparse("i8"), { reduction, labelSmoothing: 0.1 }),
    ],
    "crossEntropy dense": [logits, (x, reduction) => nn.crossEntropy(x, dense(), { reduction })],
    "crossEntropy dense smooth": [
      logits,
      (x, reduction) => nn.crossEntropy(x, dense(), { reduction, labelSmoothing: 0.2 }),
    ],
    mse: [predictions, (x, reduction) => nn.mse(x, targets(), { reduction })],
    mae: [predictions, (x, reduction) => nn.mae(x, targets(), { reduction })],
    huber: [predictions, (x, reduction) => nn.huber(x, targets(), { reduction })],
    "huber 0.25": [predictions, (x, reduction) => nn.huber(x, targets(), { reduction, delta: 0.25 })],
    bce: [binaryLogits, (x, reduction) => nn.bceWithLogits(x, binary(), { reduction })],
    "bce weight": [
      binaryLogits,
      (x, reduction) => nn.bceWithLogits(x, binary(), { reduction, positiveWeight: 2.5 }),
    ],
  };
  describe.each(Object.keys(golden.losses))("%s", (name) => {
    test.each(["mean", "sum", "none"] as const)("%s", async (reduction) => {
      const [input, loss] = losses[name] as Loss;
      const expected = (golden.losses[name] as Record<nn.Reduction, Pair>)[reduction];
      close(await loss(input(), reduction).data(), expected.value, "value");
      const gradient = grad((x: Tensor) => loss(x, reduction).sum())(input());
      close(await gradient.data(), expected.gradient, "gradient");
    });
  });

  test("crossEntropy's gradient is softmax - onehot", async () => {
    const gradient = grad((x: Tensor) => nn.crossEntropy(x, sparse(), { reduction: "sum" }))(logits());
    const oneHot = golden.labels.map((label) => [0, 1, 2, 3, 4].map((c) => (c === label ? 1 : 0)));
    const expected = await nn.softmax(logits()).sub(tensor(oneHot, { device })).data();
    close(await gradient.data(), [...expected], "gradient");
  });

  test("crossEntropy of a class number out of range is NaN, for its row alone", async () => {
    const labels = tensor([0, 5, -1], { dtype: "i32", device });
    const x = tensor(
      [
        [1, 0, 0, 0, 0],
        [1, 0, 0, 0, 0],
        [1, 0, 0, 0, 0],
      ],
      { device },
    );
    const rows = await nn.crossEntropy(x, labels, { reduction: "none" }).data();
    expect([...rows].map(Number.isNaN)).toEqual([false, true, true]);
  });

  test("crossEntropy takes leading axes and one-hot integers", async () => {
    const x = logits().reshape([2, 3, 5]);
    const rows = nn.crossEntropy(x, sparse().reshape([2, 3]), { reduction: "none" });
    expect(rows.shape).toEqual([2, 3]);
    close(await rows.data(), golden.losses["crossEntropy sparse"]?.none.value as number[], "rows");
    const oneHot = tensor(
      golden.labels.map((label) => [0, 1, 2, 3, 4].map((c) => (c === label ? 1 : 0))),
      { dtype: "i32", device },
    );
    const same = await nn.crossEntropy(logits(), oneHot, { reduction: "none" }).data();
    close(same, golden.losses["crossEntropy sparse"]?.none.value as number[], "one-hot");
  });
});

describe("errors", () => {
  const x = () => tensor([[1, 2, 3]]);
  test.each([
    [
      () => nn.crossEntropy(x(), tensor([0, 1], { dtype: "i32" })),
      "crossEntropy: targets must be class numbers [1] or probabilities [1,3]; got f32[1,3] and i32[2].",
    ],
    [
      () => nn.crossEntropy(x(), tensor([1])),
      'crossEntropy: class numbers must be integers; got f32[1,3] and f32[1]. Hint: targets.astype("i32").',
    ],
    [
      () => nn.crossEntropy(tensor(1), tensor(1)),
      "crossEntropy: logits must have a class axis; got f32[] and f32[].",
    ],
    [
      () => nn.crossEntropy(x(), tensor([1], { dtype: "i32" }), { labelSmoothing: 1 }),
      "crossEntropy: labelSmoothing must be at least 0 and below 1; got 1.",
    ],
    [
      () => nn.mse(tensor([[1], [2]]), tensor([1, 2])),
      "mse: predictions and targets must have one shape; got f32[2,1] and f32[2].",
    ],
    [() => nn.bceWithLogits(x(), tensor([1])), "bceWithLogits: predictions and targets must have one shape"],
    [() => nn.huber(x(), x(), { delta: 0 }), "huber: delta must be above 0; got 0."],
    [
      () => nn.mse(x(), x(), { reduction: "average" as nn.Reduction }),
      'mse: reduction must be "mean", "sum" or "none"; got "average".',
    ],
  ])("%#", (call, message) => {
    expect(call).toThrow(message);
  });
});
