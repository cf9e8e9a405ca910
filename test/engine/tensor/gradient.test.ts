/** Gradients of one's own, checkpoints and constants. */
import { checkpoint, customGradient, grad, random, scan, stopGradient, type Tensor, tensor } from "nabla";
import { checkGradient, expectClose } from "nabla/testing";
import { describe, expect, test } from "vitest";

const x = tensor([0.3, -1.2, 2]);

describe("customGradient", () => {
  test("uses the given rule, forward and backward", async () => {
    const straight = customGradient(
      (t) => t.round(),
      (g) => [g.mul(3)],
    );
    await expectClose(straight(x), [0, -1, 2]);
    await expectClose(grad((t: Tensor) => straight(t).sum())(x), [3, 3, 3]);
  });

  test("several inputs, null and scalar gradients, the output", async () => {
    const f = customGradient(
      (a, b) => a.mul(b).exp(),
      (g, [, b], y) => [g.mul(y).mul(b as Tensor), null],
      "named",
    );
    const g = grad((a: Tensor, b: Tensor) => f(a, b).sum(), { argnums: [0, 1] })(x, x);
    await expectClose(
      g[0],
      [0.3, -1.2, 2].map((v) => Math.exp(v * v) * v),
    );
    await expectClose(g[1], [0, 0, 0]);
    const constant = customGradient(
      (a) => a.square(),
      () => [2],
    );
    await expectClose(grad((a: Tensor) => constant(a).sum())(x), [2, 2, 2]);
    await checkGradient((a) => grad((t: Tensor) => f(t, tensor([1, 2, 3])).sum())(a), [x]);
  });

  test("captured tensors get none", async () => {
    const w = tensor([1, 2, 3]);
    const loss = (v: Tensor) =>
      customGradient(
        (a) => a.mul(v),
        (g) => [g],
      )(x).sum();
    await expectClose(grad(loss)(w), [0, 0, 0]);
  });

  test("a wrong rule is an error", () => {
    const short = customGradient(
      (a, b) => a.add(b),
      (g) => [g],
      "short",
    );
    expect(() => grad((t: Tensor) => short(t, t).sum())(x)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: short: its gradient must have one entry per input (2); got 1.]`,
    );
    const bent = customGradient(
      (a) => a,
      (g) => [g.unsqueeze(0)],
      "bent",
    );
    expect(() => grad((t: Tensor) => bent(t).sum())(x)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: bent: a gradient must have its input's shape; got f32[1,3] for f32[3].]`,
    );
  });
});

describe("checkpoint", () => {
  test("equals the function, with its gradients", async () => {
    const w = tensor([0.5, 1.5, -0.5]);
    const block = (t: { a: Tensor }, flag: string) => ({ y: t.a.mul(w).tanh().exp(), flag });
    const wrapped = checkpoint(block);
    const result = wrapped({ a: x }, "kept");
    expect(result.flag).toBe("kept");
    await expectClose(result.y, block({ a: x }, "kept").y);
    await checkGradient((a) => wrapped({ a }, "").y, [x]);
    const loss = (a: Tensor) => checkpoint((t: Tensor) => t.mul(w).tanh().square())(a).sum();
    await expectClose(grad(loss)(x), grad((a: Tensor) => a.mul(w).tanh().square().sum())(x));
    await checkGradient((a) => grad(loss)(a), [x]);
    await checkGradient((v) => checkpoint((t: Tensor) => t.mul(v).sin())(x), [w]);
  });
});

describe("what a body captures", () => {
  test("a composite keeps what it makes, a loop hoists what does not change", () => {
    const key = random.key(1);
    const noisy = (t: Tensor) => t.add(random.uniform(key, [3]).mul(2));
    const node = checkpoint(noisy)(x).node;
    expect(node.op).toBe("composite");
    expect(node.src.map((source) => source.op)).toEqual(["input", "input"]);
    const [last] = scan((c: Tensor) => [noisy(c), null], x, null, { length: 2 });
    expect(last.node.src.map((source) => source.op)).toEqual(["input", "mul"]);
  });
});

describe("stopGradient", () => {
  test("the same value as a constant", async () => {
    await expectClose(stopGradient(x), x);
    await expectClose(grad((t: Tensor) => t.mul(stopGradient(t)).sum())(x), x);
  });
});
