/** cond: the branch is computed only where the condition holds. */
import { cond, grad, jit, scan, type Tensor, tensor, where, zeros } from "nabla";
import { checkGradient } from "nabla/testing";
import { describe, expect, test } from "vitest";
import { explain } from "../../../src/engine/compile/index.ts";
import { devices } from "../../nn/devices.ts";

const flag = (value: boolean, device: string) => tensor(value ? 1 : 0, { device }).gt(0);

describe.each(devices)("on %s", (device) => {
  test("gives fn(operands) or the operands, bit by bit", async () => {
    const x = tensor([1.5, -0, Number.NaN, 3], { device });
    const run = jit((yes: Tensor, x: Tensor) =>
      cond(yes, ({ a, n }) => ({ a: n.mul(2), n: a.add(1) }), { a: x, n: x.exp() }),
    );
    const [kept, made] = [run(flag(false, device), x), run(flag(true, device), x)];
    expect(await kept.a.data()).toEqual(await x.data());
    expect(await kept.n.data()).toEqual(await x.exp().data());
    expect(await made.a.data()).toEqual(await x.exp().mul(2).data());
    expect(await made.n.data()).toEqual(await x.add(1).data());
    expect(run.compilations).toBe(1);
  });

  test("a constant condition leaves no trace", async () => {
    const x = tensor([1, 2], { device });
    const always = tensor(1, { device }).gt(0);
    expect(await cond(always, (v) => v.neg(), x).array()).toEqual([-1, -2]);
    const run = jit((x: Tensor) => cond(zeros([], "f32").gt(0), (v: Tensor) => v.neg(), x));
    expect(explain(run.planFor(x))).not.toContain("where");
    expect(await run(x).array()).toEqual([1, 2]);
  });

  test("every third step of many in one call, with a loop and a matrix product inside", async () => {
    const w = tensor([0.5, -0.25, 0.125, 1], { device }).reshape([2, 2]);
    const step = (state: { x: Tensor; count: Tensor }) => {
      const x = cond(
        state.count.remainder(3).eq(0),
        (v) => scan((c: Tensor) => [c.matmul(w).add(1), null], v, null, { length: 4 })[0],
        state.x,
      );
      return { x: x.add(1), count: state.count.add(1) };
    };
    const start = () => ({
      x: tensor([1, 2, 3, 4], { device }).reshape([2, 2]),
      count: tensor(0, { dtype: "i32", device }),
    });
    const compiled = jit((state: ReturnType<typeof start>) => [step(state)], { donate: [0] });
    const [end] = await compiled.repeat(8, start());
    const repeated = end as ReturnType<typeof start>;
    let oneByOne = start();
    for (let i = 0; i < 8; i++) [oneByOne] = compiled(oneByOne) as [typeof oneByOne];
    let plain: Tensor = start().x;
    for (let i = 0; i < 8; i++) {
      if (i % 3 === 0) for (let n = 0; n < 4; n++) plain = plain.matmul(w).add(1);
      plain = plain.add(1);
    }
    expect(await repeated.x.data()).toEqual(await oneByOne.x.data());
    const [got, want] = [await repeated.x.data(), await plain.data()];
    for (const [i, value] of want.entries()) expect(got[i] as number).toBeCloseTo(value as number, 4);
  });

  test("in a scan, by a condition of each element; in another", async () => {
    const xs = tensor([1, -2, 3, -4, 5], { device });
    const run = jit((xs: Tensor) =>
      scan(
        (sum: Tensor, x: Tensor) => {
          const positive = cond(x.gt(0), (s) => s.add(x), sum);
          const both = cond(x.gt(2), (s) => cond(x.lt(4), (t) => t.mul(10), s), positive);
          return [both, positive];
        },
        tensor(0, { device }),
        xs,
      ),
    );
    const [last, sums] = run(xs);
    expect(await sums.array()).toEqual([1, 1, 4, 40, 45]);
    expect(await last.item()).toBe(45);
    const flags = tensor([1, 0, 1], { device }).gt(0);
    const [total] = scan(
      (sum: Tensor, on: Tensor) => [cond(on, (s) => s.add(1), sum), null],
      tensor(0, { device }),
      flags,
    );
    expect(await total.item()).toBe(2);
  });

  test("gradients by operands and captured tensors are the branch's", async () => {
    const [x, w] = [tensor([0.3, -0.7], { device }), tensor([1.5, 0.5], { device })];
    for (const yes of [true, false]) {
      const f = (x: Tensor, w: Tensor) =>
        cond(flag(yes, device), ({ a, b }) => ({ a: b.mul(w).tanh(), b: a }), { a: x, b: x.square() }).a.mul(
          x,
        );
      const like = (x: Tensor, w: Tensor) => (yes ? x.square().mul(w).tanh() : x.add(w.mul(0))).mul(x);
      const gradients = (g: typeof f) => jit(grad((x: Tensor) => g(x, w).sum()))(x);
      expect(await gradients(f).data()).toEqual(await gradients(like).data());
      if (device !== "reference") continue;
      await checkGradient((x, w) => f(x as Tensor, w as Tensor), [x, w]);
      const first = grad((x: Tensor, w: Tensor) => f(x, w).sum());
      await checkGradient((x, w) => first(x as Tensor, w as Tensor), [x, w]);
    }
  });
});

test("what fn makes is in the branch, whatever it is made of", () => {
  const w = zeros([4, 4]);
  const run = jit((yes: Tensor, x: Tensor) => cond(yes.gt(0), () => w.matmul(w), x), { donate: [1] });
  const text = explain(run.planFor(zeros([]), w));
  expect(text.slice(text.indexOf("\n") + 1)).toMatchInlineSnapshot(`
    "0: fused []: lt (in0) -> a0
    1: where a0:
      0: gemm 4x4x4: in2 in2 -> in1
    output 0: f32[4,4] = in1, in the memory of input 1
    arena: 64 bytes"
  `);
});

test("the branch is not run: a loop without end is left out", async () => {
  const step = jit((due: Tensor, x: Tensor) =>
    cond(due.gt(0), (v) => scan((c: Tensor) => [c.matmul(c), null], v, null, { length: 2 ** 40 })[0], x),
  );
  const x = tensor([1, 2, 3, 4], { device: devices[0] as string }).reshape([2, 2]);
  const end = where(x.gt(0), step(tensor(0, { device: x.device }), x), 0);
  expect(await end.array()).toEqual([
    [1, 2],
    [3, 4],
  ]);
});

test("errors", () => {
  const x = zeros([2]);
  expect(() => cond(x.gt(0), (v) => v, x)).toThrowErrorMatchingInlineSnapshot(
    `[ShapeError: cond: the predicate must be bool[]; got bool[2].]`,
  );
  expect(() => cond(zeros([]), (v) => v, x)).toThrowErrorMatchingInlineSnapshot(
    `[ShapeError: cond: the predicate must be bool[]; got f32[].]`,
  );
  expect(() => cond(zeros([]).gt(0), (v) => v.sum(), x)).toThrowErrorMatchingInlineSnapshot(
    `[ShapeError: cond: fn must return operands of the same structure, shapes and dtypes; got f32[] for f32[2].]`,
  );
  expect(() => cond(zeros([]).gt(0), () => "x" as unknown as Tensor, x)).toThrow("must be tensors");
});
