/** Embeddings and positions against PyTorch and the papers' formulas (goldens/embedding.py). */
import fc from "fast-check";
import { arange, grad, random, type Tensor, tensor, zeros } from "nabla";
import {
  apply,
  Embedding,
  PositionalEmbedding,
  rotary,
  Sequential,
  SinusoidalPositions,
  sinusoidalPositions,
  summary,
  type Tensors,
  TiedOutput,
} from "nabla/nn";
import { expectClose } from "nabla/testing";
import { describe, expect, test } from "vitest";
import { given, type Listed, matches, readGolden, weighed } from "./golden.ts";

interface Tied {
  readonly weight: Listed;
  readonly indices: number[][];
  readonly y: Listed;
  readonly gradient: Listed;
}
interface Turned {
  readonly x: Listed;
  readonly offset: number;
  readonly base: number;
  readonly y: Listed;
  readonly gradient: Listed;
}
const golden = readGolden<{
  padded: Tied;
  tied: Tied & { inner: Listed; innerGradient: Listed };
  sinusoidal: { positions: number[]; table: Listed };
  rotary: Record<"half" | "interleaved", Turned>;
}>("embedding");

describe("Embedding", () => {
  test("with padding is PyTorch's", async () => {
    const { weight, indices, y, gradient } = golden.padded;
    const layer = new Embedding(7, 3, { paddingIndex: 2 });
    const of = (w: Tensor) => apply(layer, { weight: w }, () => layer.forward(indices));
    await matches(of(given(weight)), y, "vectors");
    await matches(grad((w: Tensor) => weighed(of(w)))(given(weight)), gradient, "gradient");
  });

  test("starts with zeros for the padding, as drawn elsewhere", async () => {
    const [padded, plain] = [new Embedding(4, 5, { paddingIndex: 1 }), new Embedding(4, 5)];
    const [rows, drawn] = await Promise.all(
      [padded, plain].map((layer) => layer.init(3).weight.value.array()),
    );
    expect(rows).toEqual((drawn as number[][]).map((row, i) => (i === 1 ? [0, 0, 0, 0, 0] : row)));
  });

  test("takes tensors and lists of any depth", async () => {
    const layer = new Embedding(5, 2).init(0);
    const asTensor = tensor([[1, 4, 0]], { dtype: "i32" });
    const expected = await layer.forward(asTensor).array();
    for (const same of [[[1, 4, 0]], asTensor.astype("u32"), asTensor.astype("i8")]) {
      expect(await layer.forward(same).array()).toEqual(expected);
    }
    expect(await layer.forward([1, 4, 0]).array()).toEqual((expected as number[][][])[0]);
    expect(await layer.forward(Int32Array.of(1, 4, 0)).array()).toEqual((expected as number[][][])[0]);
  });

  test("a tensor's numbers out of range read NaN", async () => {
    const layer = new Embedding(5, 2).init(0);
    const y = await layer.forward(tensor([4, 5, -1], { dtype: "i32" })).data();
    expect([...y].map(Number.isNaN)).toEqual([false, false, true, true, true, true]);
  });

  test.each([
    [
      () => new Embedding(5, 2).init(0).forward([[1], [7]]),
      "Embedding: indices must be in [0, 5); got 7 at [1][0].",
    ],
    [
      () => new Embedding(5, 2).init(0).forward([1, -1]),
      "Embedding: indices must be in [0, 5); got -1 at [1].",
    ],
    [
      () => new Embedding(5, 2).init(0).forward([0.5]),
      "Embedding: indices must be in [0, 5); got 0.5 at [0].",
    ],
    [() => new Embedding(5, 2).forward(zeros([3])), "Embedding: indices must be integers; got f32[3]."],
    [() => new Embedding(5, 2).attend(zeros([3])), "Embedding: input's last axis must be 2; got f32[3]."],
    [() => new Embedding(5, 2, { paddingIndex: 5 }), "Embedding: paddingIndex must be in [0, 5); got 5."],
    [() => new Embedding(0, 2), "Embedding: sizes must be positive integers; got 0 and 2."],
  ])("error %#", (call, message) => {
    expect(call).toThrow(message);
  });

  test("an error in a model names the layer", () => {
    const model = new Sequential(new Embedding(5, 2), new TiedOutput(new Embedding(5, 3))).init(0);
    expect(() => model.forward(tensor([1], { dtype: "i32" }))).toThrow(
      "Embedding layers/1/embedding: input's last axis must be 3; got f32[1,2].",
    );
  });
});

describe("a tied output layer", () => {
  const tied = () => {
    const tokens = new Embedding(5, 3);
    return new Sequential(tokens, (x: Tensor) => x.tanh(), new TiedOutput(tokens));
  };

  test("is PyTorch's: the gradient is the sum of both places", async () => {
    const { weight, inner, indices, y, gradient, innerGradient } = golden.tied;
    const layer = new Embedding(5, 3);
    const of = (w: Tensor, m: Tensor) =>
      apply(layer, { weight: w }, () => layer.attend(layer.forward(indices).matmul(m).tanh()));
    await matches(of(given(weight), given(inner)), y, "logits");
    const both = grad((w: Tensor, m: Tensor) => weighed(of(w, m)), { argnums: [0, 1] });
    const [ofWeight, ofInner] = both(given(weight), given(inner));
    await matches(ofWeight as Tensor, gradient, "gradient of the weights");
    await matches(ofInner as Tensor, innerGradient, "gradient between");
  });

  test("counts once, is saved once, and learns as one", async () => {
    const model = tied().init(0);
    expect(Object.keys(model.parameters())).toEqual(["layers/0/weight"]);
    expect(summary(model).trainable).toBe(15);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 6 }),
        async (list) => {
          const indices = tensor(list, { dtype: "i32" });
          const loss = (p: Tensors) => apply(model, p, () => weighed(model.forward(indices)));
          const sum = grad(loss)(model.parameters())["layers/0/weight"] as Tensor;
          // The same net with two weights that happen to be equal: its two gradients add up to it.
          const apart = new Sequential(
            new Embedding(5, 3),
            (x: Tensor) => x.tanh(),
            new TiedOutput(new Embedding(5, 3)),
          );
          const w = model.parameters()["layers/0/weight"] as Tensor;
          const two = { "layers/0/weight": w, "layers/2/embedding/weight": w };
          const g = grad((p: Tensors) => apply(apart, p, () => weighed(apart.forward(indices))))(two);
          await expectClose(
            sum,
            (g["layers/0/weight"] as Tensor).add(g["layers/2/embedding/weight"] as Tensor),
          );
        },
      ),
      { numRuns: 10, seed: 1 },
    );
  });
});

describe("positions", () => {
  test("sines are the paper's", async () => {
    const { positions, table } = golden.sinusoidal;
    await matches(sinusoidalPositions(tensor(positions, { dtype: "i32" }), 10), table, "table");
    const layer = new SinusoidalPositions(10);
    const x = zeros([2, 2, 10]);
    const rows = given(table).slice([1, 3]);
    await expectClose(layer.forward(x, undefined, 1).index(1), rows, { absolute: 1e-5 });
    await expectClose(layer.forward(x, undefined, tensor(1, { dtype: "i32" })).index(0), rows, {
      absolute: 1e-5,
    });
  });

  test("learned ones are rows of the weights, from an offset on", async () => {
    const layer = new PositionalEmbedding(6, 3).init(0);
    const x = random.normal(random.key(1), [2, 4, 3]);
    const rows = (from: number) => x.add(layer.weight.value.slice([from, from + 4]));
    await expectClose(layer.forward(x), rows(0));
    await expectClose(layer.forward(x, undefined, 2), rows(2));
    await expectClose(layer.forward(x, undefined, tensor(2, { dtype: "i32" })), rows(2));
    expect(Object.keys(layer.parameters())).toEqual(["weight"]);
  });

  test.each(["half", "interleaved"] as const)("rotary, %s", async (pairs) => {
    const { x, offset, base, y, gradient } = golden.rotary[pairs];
    const of = (at: Tensor) => rotary(at, { pairs, base, offset });
    await matches(of(given(x)), y, "turned");
    await matches(grad((at: Tensor) => weighed(of(at)))(given(x)), gradient, "gradient");
    const moved = rotary(given(x).moveAxis(2, 1), {
      pairs,
      base,
      offset: tensor(offset, { dtype: "i32" }),
      axis: 1,
    });
    await matches(moved.moveAxis(1, 2), y, "time on axis 1");
  });

  test("rotary products depend on the distance alone", async () => {
    const [q, k] = [random.normal(random.key(2), [1, 8]), random.normal(random.key(3), [1, 8])];
    const product = (a: number, b: number) =>
      rotary(q, { offset: a })
        .mul(rotary(k, { offset: b }))
        .sum();
    for (const shift of [1, 7, 40]) {
      await expectClose(product(5 + shift, 2 + shift), product(5, 2), { absolute: 1e-4 });
    }
  });

  test.each([
    [
      () => new PositionalEmbedding(4, 2).init(0).forward(zeros([1, 5, 2])),
      "PositionalEmbedding: positions must be below 4; got 0 to 4 of f32[1,5,2].",
    ],
    [
      () => new PositionalEmbedding(4, 2).init(0).forward(zeros([1, 2, 2]), undefined, 3),
      "positions must be below 4; got 3 to 4",
    ],
    [
      () => new PositionalEmbedding(4, 2).forward(zeros([2])),
      "PositionalEmbedding: input must be [..., time, 2]; got f32[2].",
    ],
    [() => new SinusoidalPositions(3), "SinusoidalPositions: width must be even and positive; got 3."],
    [() => sinusoidalPositions(arange(3), 5), "sinusoidalPositions: width must be even and positive; got 5."],
    [
      () => rotary(zeros([4, 3])),
      "rotary: x must have an axis of time and a last one of even size; got f32[4,3], time on axis -2.",
    ],
    [() => rotary(zeros([4])), "got f32[4], time on axis -2."],
  ])("error %#", (call, message) => {
    expect(call).toThrow(message);
  });
});
