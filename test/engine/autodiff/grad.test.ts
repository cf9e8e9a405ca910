/** grad, valueAndGrad, gradients, vjp and second derivatives. */
import {
  grad,
  gradients,
  hessian,
  hessianVectorProduct,
  jacobian,
  ones,
  scan,
  stopGradient,
  type Tensor,
  tensor,
  valueAndGrad,
  vjp,
  zeros,
} from "nabla";
import { checkGradient, expectClose } from "nabla/testing";
import { describe, expect, test } from "vitest";

const x = tensor([0.5, -1, 2]);

describe("grad", () => {
  test("trees, other leaves and unused tensors", async () => {
    interface Params {
      layers: { w: Tensor; b: Tensor | null }[];
      name: string;
      unused: Tensor;
    }
    const params: Params = {
      layers: [
        { w: tensor([[1, 2]]), b: null },
        { w: tensor([3]), b: tensor([4]) },
      ],
      name: "net",
      unused: ones([2, 2]),
    };
    const [loss, g] = valueAndGrad((p: Params, scale: number) =>
      (p.layers[0] as { w: Tensor }).w
        .mul((p.layers[1] as { w: Tensor }).w)
        .sum()
        .mul(scale),
    )(params, 10);
    expect(await loss.item()).toBe(90);
    expect(await g.layers[0]?.w.array()).toEqual([[30, 30]]);
    expect(await g.layers[1]?.w.array()).toEqual([30]);
    expect(g.layers[0]?.b).toBeNull();
    expect(await g.layers[1]?.b?.array()).toEqual([0]);
    expect(g.name).toBe("net");
    expect(await g.unused.array()).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  test("argnums and auxiliary results", async () => {
    const f = (a: Tensor, b: Tensor) => a.mul(b).sum();
    await expectClose(grad(f, { argnums: 1 })(x, ones([3])), x);
    const [da, db] = grad(f, { argnums: [0, 1] })(x, x);
    await expectClose(da, x);
    await expectClose(db, x);
    const [[loss, aux], g] = valueAndGrad(
      (a: Tensor): [Tensor, { twice: Tensor }] => [a.square().sum(), { twice: a.mul(2) }],
      { hasAux: true },
    )(x);
    expect(await loss.item()).toBe(5.25);
    await expectClose(aux.twice, [1, -2, 4]);
    await expectClose(g, [1, -2, 4]);
  });

  test("the argument itself inside the function is a constant", async () => {
    await expectClose(grad((y: Tensor) => y.mul(x).sum())(x), x);
    // A derivative inside a derivative must not mix the two.
    const outer = grad((a: Tensor) => a.mul(grad((b: Tensor) => a.add(b).sum())(a)).sum());
    await expectClose(outer(x), [1, 1, 1]);
  });

  test("a lazy argument is a variable too", async () => {
    const lazy = x.mul(2);
    await expectClose(grad((t: Tensor) => t.square().sum())(lazy), [2, -4, 8]);
  });

  test("higher orders", async () => {
    const f = (t: Tensor) => t.sin().mul(t.exp()).sum();
    const second = (t: Tensor) => grad((u: Tensor) => grad(f)(u).sum())(t);
    const third = grad((t: Tensor) => second(t).sum());
    const at = [0.5, -1, 2];
    await expectClose(
      second(x),
      at.map((v) => 2 * Math.exp(v) * Math.cos(v)),
    );
    await expectClose(
      third(x),
      at.map((v) => 2 * Math.exp(v) * (Math.cos(v) - Math.sin(v))),
    );
  });

  test("long chains", async () => {
    const f = (t: Tensor) => {
      let y = t;
      for (let i = 0; i < 12_000; i++) y = y.add(1e-4);
      return y.square().sum();
    };
    await expectClose(grad(f)(tensor([1])), [2 * 2.2], { relative: 1e-3 });
  });

  test("errors", () => {
    const call =
      (f: (t: Tensor) => unknown, t: Tensor = x) =>
      () =>
        grad(f)(t);
    expect(call((t) => t)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: grad: the loss must be a scalar f32[]; got f32[3]. Reduce it with .mean() or .sum().]`,
    );
    expect(call((t) => t.argmax())).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: grad: the loss must be f32[]; got i32[]. Cast with .astype("f32").]`,
    );
    expect(call(() => 1)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: grad: the loss must be a tensor f32[]; got number.]`,
    );
    expect(call((t) => [t.sum(), 1])).toThrow("the loss must be a tensor");
    expect(call((t) => t.sum(), zeros([2], "i32"))).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: grad: only f32 has derivatives; got i32[2] in argument 0. Leave it out of the differentiated arguments.]`,
    );
    expect(() =>
      grad((p: { lr: number; w: Tensor }) => p.w.sum())({ lr: 1, w: x }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: grad: only tensors are differentiated; got the number 1 in argument 0 at lr. Wrap it in tensor(...).]`,
    );
    expect(() => grad((t: Tensor) => t.sum(), { argnums: 1 as 0 })(x)).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: grad: argnums must name arguments; got 1 for a call with 1.]`,
    );
  });
});

describe("gradients", () => {
  test("by tensors the loss was computed from", async () => {
    const [a, b] = [tensor([1, 2]), tensor([3, 4])];
    const c = a.mul(b);
    const [da, db, dc, du] = gradients(c.square().sum(), [a, b, c, x]) as [Tensor, Tensor, Tensor, Tensor];
    await expectClose(da, [18, 64]);
    await expectClose(db, [6, 32]);
    await expectClose(dc, [6, 16]);
    await expectClose(du, [0, 0, 0]);
  });

  test("a way cut by a read is an error", async () => {
    const a = tensor([1, 2]);
    const c = a.mul(3);
    await c.data();
    expect(() => gradients(c.sum(), [a])).toThrowErrorMatchingInlineSnapshot(
      `[UnsupportedError: gradients: nothing between wrt and the loss may have been read, for that drops the graph behind it; got f32[2] (mul). Take gradients before reading, use grad(fn), or pass constants through stopGradient.]`,
    );
    // Also where another way is whole: half a gradient would be silently wrong.
    expect(() => gradients(c.sum().add(a.sum()), [a])).toThrow("may have been read");
    expect(await (gradients(stopGradient(c).mul(a).sum(), [a])[0] as Tensor).array()).toEqual([3, 6]);
    expect(await (gradients(c.sum(), [c])[0] as Tensor).array()).toEqual([1, 1]);
  });
});

describe("products with the derivative", () => {
  test("vjp", async () => {
    const [y, pullback] = vjp((a: Tensor, b: { c: Tensor }) => ({ p: a.mul(b.c), q: [a.sum()] }), x, {
      c: x,
    });
    await expectClose(y.p, [0.25, 1, 4]);
    const [da, db] = pullback({ p: ones([3]), q: [tensor(10)] });
    await expectClose(da, [10.5, 9, 12]);
    await expectClose(db.c, x);
    expect(() => pullback({ p: ones([2]), q: [tensor(10)] })).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: vjp: cotangents must have the result's structure; got f32[2], f32[] for f32[3], f32[].]`,
    );
  });

  test("jacobian and hessian", async () => {
    const w = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    await expectClose(jacobian((t: Tensor) => w.matmul(t))(x), w);
    expect(jacobian((t: Tensor) => t.reshape([3, 1]).tile([1, 2]))(x).shape).toEqual([3, 2, 3]);
    await expectClose(hessian((t: Tensor) => t.pow(3).sum())(x), [3, 0, 0, 0, -6, 0, 0, 0, 12]);
    const f = (t: Tensor) => t.prod().add(t.square().sum().exp().mul(0.01));
    const h = hessian(f)(x);
    const v = tensor([1, -2, 0.5]);
    await expectClose(hessianVectorProduct(f)(x, v), h.matmul(v));
    await expectClose(h, h.transpose());
    expect(jacobian((t: Tensor) => t.slice([0, 0]))(x).shape).toEqual([0, 3]);
  });
});

test("a small network's gradients", async () => {
  const w1 = tensor([
    [0.1, -0.4, 0.3],
    [0.5, 0.25, -0.1],
  ]);
  const w2 = tensor([[0.3], [-0.6], [0.8]]);
  const inputs = tensor([
    [1, 2],
    [-1, 0.5],
    [0.3, -0.7],
  ]);
  const targets = tensor([[1], [0], [1]]);
  const loss = (a: Tensor, b: Tensor) => {
    const z = inputs.matmul(a).relu().matmul(b);
    return z.maximum(0).sub(z.mul(targets)).add(z.abs().neg().exp().log1p()).mean();
  };
  await checkGradient(loss, [w1, w2]);
  const steps = scan((w: Tensor) => [w.sub(grad(loss, { argnums: 1 })(w1, w).mul(0.5)), null], w2, null, {
    length: 5,
  })[0];
  expect(await loss(w1, steps).item()).toBeLessThan(await loss(w1, w2).item());
});
