/** Loops in the graph. */
import { arange, grad, scan, type Tensor, tensor, zeros } from "nabla";
import { checkGradient, expectClose } from "nabla/testing";
import { describe, expect, test } from "vitest";

const xs = tensor([1, 2, 3, 4]);

describe("scan", () => {
  test("carry and stacked results", async () => {
    const [last, all] = scan(
      (carry: Tensor, x: Tensor) => {
        const next = carry.mul(2).add(x);
        return [next, next];
      },
      tensor(0),
      xs,
    );
    expect(await last.item()).toBe(26);
    expect(await all.array()).toEqual([1, 4, 11, 26]);
  });

  test("reverse keeps results at their place", async () => {
    const [last, all] = scan((c: Tensor, x: Tensor) => [c.add(x), c.add(x)], tensor(0), xs, {
      reverse: true,
    });
    expect(await last.item()).toBe(10);
    expect(await all.array()).toEqual([10, 9, 7, 4]);
  });

  test("trees, captured tensors, numbers and no xs", async () => {
    const scale = tensor(3).add(1);
    const [state, ys] = scan(
      (s: { a: Tensor; b: [Tensor] }) => [
        { a: s.a.add(1), b: [s.b[0].add(s.a.mul(scale))] as [Tensor] },
        { old: s.a },
      ],
      { a: 0 as unknown as Tensor, b: [zeros([2])] as [Tensor] },
      null,
      { length: 3 },
    );
    expect(await state.a.item()).toBe(3);
    expect(await state.b[0].array()).toEqual([12, 12]);
    expect(await ys.old.array()).toEqual([0, 1, 2]);
  });

  test("no iterations", async () => {
    const [last, ys] = scan((c: Tensor, x: Tensor) => [c.add(x), x], tensor(5), zeros([0]));
    expect(await last.item()).toBe(5);
    expect(ys.shape).toEqual([0]);
  });

  test("nested", async () => {
    const [total] = scan(
      (outer: Tensor, x: Tensor) => {
        const [inner] = scan((c: Tensor, y: Tensor) => [c.add(y.mul(x)), null], outer, xs);
        return [inner, null];
      },
      tensor(0),
      xs,
    );
    expect(await total.item()).toBe(100);
  });

  test("gradients, also by what is captured, and second ones", async () => {
    const run = (w: Tensor, h: Tensor, x: Tensor) => {
      const [last, all] = scan(
        (c: Tensor, t: Tensor) => {
          const next = c.mul(w).add(t).tanh();
          return [next, next.mul(t)];
        },
        h,
        x,
      );
      return last.add(all.sum(0));
    };
    const args = [
      tensor([0.3, -0.5]),
      tensor([0.1, 0.2]),
      tensor([
        [0.5, 1],
        [-1, 0.3],
        [0.2, 0.9],
      ]),
    ];
    await checkGradient((w, h, x) => run(w as Tensor, h as Tensor, x as Tensor), args);
    const first = grad((w: Tensor, h: Tensor, x: Tensor) => run(w, h, x).sum());
    await checkGradient((w, h, x) => first(w as Tensor, h as Tensor, x as Tensor), args);
  });

  test("an RNN equals its unrolled form", async () => {
    const w = tensor([
      [0.5, -0.2],
      [0.1, 0.4],
    ]);
    const inputs = arange(6).reshape([3, 2]).div(10);
    const [h] = scan((c: Tensor, x: Tensor) => [c.matmul(w).add(x).tanh(), null], zeros([2]), inputs);
    let unrolled: Tensor = zeros([2]);
    for (let i = 0; i < 3; i++) unrolled = unrolled.matmul(w).add(inputs.index(i)).tanh();
    await expectClose(h, unrolled);
  });

  test("errors", () => {
    expect(() =>
      scan((c: Tensor) => [c.unsqueeze(0), null], zeros([2]), xs),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: scan: fn must return a carry of the same structure, shapes and dtypes; got f32[1,2] for f32[2].]`,
    );
    expect(() => scan((c: Tensor) => [c, null], zeros([2]), null)).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: scan: the length must be known. Give xs or { length }.]`,
    );
    expect(() =>
      scan((c: Tensor) => [c, null], zeros([2]), [xs, zeros([3])]),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: scan: all xs must be equally long on axis 0; got f32[4] and f32[3].]`,
    );
    expect(() => scan((c: Tensor) => [c, null], zeros([2]), tensor(1))).toThrow("an axis to run along");
    expect(() => scan((c: Tensor) => [c, "x"], zeros([2]), xs)).toThrow("must be tensors, numbers or null");
  });
});
