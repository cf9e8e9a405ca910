/** Reductions, statistics, running sums and the softmax family. */
import {
  all,
  any,
  cummax,
  cumsum,
  grad,
  jit,
  logSoftmax,
  logsumexp,
  max,
  mean,
  min,
  norm,
  prod,
  softmax,
  std,
  sum,
  type Tensor,
  tensor,
  variance,
  zeros,
} from "nabla";
import { checkGradient, expectClose } from "nabla/testing";
import { describe, expect, test } from "vitest";

const list = async (x: Tensor) => Array.from(await x.data());
const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
const x = tensor([
  [1, -2, 3],
  [4, 5, -6],
]);

describe("reductions", () => {
  test("over all, some and no axes", async () => {
    expect(await sum(x).item()).toBe(5);
    expect(await list(x.sum(0))).toEqual([5, 3, -3]);
    expect(await list(x.sum(-1))).toEqual([2, 3]);
    expect(await list(x.sum([0, 1]))).toEqual([5]);
    expect(await list(x.sum([]))).toEqual([1, -2, 3, 4, 5, -6]);
    expect(x.sum(1, { keepDims: true }).shape).toEqual([2, 1]);
    expect(x.sum(null, { keepDims: true }).shape).toEqual([1, 1]);
    expect(await list(x.max(0))).toEqual([4, 5, 3]);
    expect(await list(x.min(1))).toEqual([-2, -6]);
    expect(await list(x.prod(1))).toEqual([-6, -120]);
    await expectClose(x.mean(0), [2.5, 1.5, -1.5]);
    expect(() => x.sum(2)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: sum: axis must be an integer in [-2, 2); got 2.]`,
    );
    expect(() => x.sum([0, -2])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: sum: axes must be distinct; got [0,-2].]`,
    );
  });

  test("over nothing", async () => {
    const empty = zeros([2, 0]);
    expect(await list(empty.sum(1))).toEqual([0, 0]);
    expect(await list(empty.prod(1))).toEqual([1, 1]);
    expect(await list(empty.mean(1))).toEqual([nan, nan]);
    expect(await list(empty.sum(0))).toEqual([]);
    expect(await list(any(empty, 1))).toEqual([0, 0]);
    expect(await list(all(empty, 1))).toEqual([1, 1]);
    expect(() => empty.max(1)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: max: nothing has no extreme; got f32[2,0] over axes [1]. The reduced axes must not be empty.]`,
    );
    expect(empty.max(0).shape).toEqual([0]);
  });

  test("dtypes", async () => {
    expect(await sum(tensor([true, true, false])).item()).toBe(2);
    expect(sum(tensor([true])).dtype).toBe("i32");
    expect(mean(tensor([1, 2], { dtype: "i32" })).dtype).toBe("f32");
    expect(any(tensor([0, nan])).dtype).toBe("bool");
    expect(await any(tensor([0, nan])).item()).toBe(1);
    expect(
      await list(
        all(
          tensor([
            [1, 0],
            [2, 3],
          ]),
          1,
        ),
      ),
    ).toEqual([0, 1]);
  });

  test("NaN wins", async () => {
    const t = tensor([1, nan, 3]);
    expect([await max(t).item(), await min(t).item(), await sum(t).item(), await prod(t).item()]).toEqual([
      nan,
      nan,
      nan,
      nan,
    ]);
    expect([await t.argmax().item(), await t.argmin().item()]).toEqual([1, 1]);
  });

  test("arg reductions take the first", async () => {
    expect(
      await list(
        tensor([
          [1, 3, 3],
          [2, 2, 0],
        ]).argmax(1),
      ),
    ).toEqual([1, 0]);
    expect(await x.argmin().item()).toBe(5);
    expect(x.argmax(0, { keepDims: true }).shape).toEqual([1, 3]);
    expect(x.argmax(null, { keepDims: true }).shape).toEqual([1, 1]);
    expect(() => zeros([2, 0]).argmax(1)).toThrow("must not be empty");
  });

  test("gradients", async () => {
    await checkGradient((t) => t.sum(0), [x]);
    await checkGradient((t) => t.mean([0, 1]), [x]);
    await checkGradient((t) => t.max(1, { keepDims: true }).mul(t), [x]);
    await checkGradient((t) => t.min(0), [x]);
    await checkGradient((t) => t.prod(1), [x]);
    expect(await list(grad((t: Tensor) => t.prod())(tensor([2, 0, 3])))).toEqual([0, 6, 0]);
    expect(await list(grad((t: Tensor) => t.max())(tensor([1, 2, 2])))).toEqual([0, 0.5, 0.5]);
  });
});

describe("statistics", () => {
  test("variance and standard deviation", async () => {
    const t = tensor([1, 2, 4, 9]);
    await expectClose(variance(t), 9.5);
    await expectClose(variance(t, null, { correction: 1 }), 38 / 3);
    await expectClose(std(x, 1), [Math.sqrt(14 / 3 - 4 / 9), Math.sqrt(77 / 3 - 1)]);
    expect(variance(x, 0, { keepDims: true }).shape).toEqual([1, 3]);
    expect(await variance(tensor([5]), null, { correction: 1 }).item()).toBeNaN();
    await expectClose(variance(tensor([1e4, 1e4 + 1, 1e4 + 2])), 2 / 3, { relative: 1e-4 });
    await checkGradient((u) => variance(u, 1), [x]);
  });

  test("norms", async () => {
    await expectClose(norm(tensor([3, -4])), 5);
    await expectClose(norm(tensor([3, -4]), null, { ord: 1 }), 7);
    await expectClose(norm(tensor([3, -4]), null, { ord: inf }), 4);
    await expectClose(norm(x, 1), [Math.sqrt(14), Math.sqrt(77)]);
    expect(norm(x, 1, { keepDims: true }).shape).toEqual([2, 1]);
    await checkGradient((t) => norm(t, 0), [x]);
    expect(await list(grad((t: Tensor) => norm(t))(zeros([2])))).toEqual([0, 0]);
    expect(() => norm(x, 0, { ord: 3 })).toThrowErrorMatchingInlineSnapshot(
      `[UnsupportedError: norm: ord must be 1, 2 or Infinity; got 3. Write x.abs().pow(p).sum().]`,
    );
  });
});

describe("running", () => {
  test("sums, products, extremes", async () => {
    expect(await list(cumsum(x))).toEqual([1, -1, 2, 4, 9, 3]);
    expect(await list(cumsum(x, 0))).toEqual([1, -2, 3, 5, 3, -3]);
    expect(await list(cumsum(x, 1, { reverse: true }))).toEqual([2, 1, 3, 3, -1, -6]);
    expect(await list(x.cumprod())).toEqual([1, -2, -6, 4, 20, -120]);
    expect(await list(cummax(x))).toEqual([1, 1, 3, 4, 5, 5]);
    expect(await list(x.cummin())).toEqual([1, -2, -2, 4, 4, -6]);
    await checkGradient((t) => t.cumsum(0, { reverse: true }), [x]);
    await checkGradient((t) => t.cumprod(1), [x]);
    await checkGradient((t) => t.cummax(1), [x]);
  });
});

describe("the softmax family", () => {
  const logits = tensor([
    [1, 2, 3],
    [1000, 0, -1000],
  ]);

  test("values", async () => {
    const e = [1, 2, 3].map(Math.exp);
    const total = e.reduce((a, b) => a + b);
    await expectClose(softmax(logits), [...e.map((v) => v / total), 1, 0, 0]);
    await expectClose(logSoftmax(logits), [...[1, 2, 3].map((v) => v - Math.log(total)), 0, -1000, -2000]);
    await expectClose(logsumexp(logits, -1), [Math.log(total), 1000]);
    await expectClose(softmax(logits, 0).sum(0), [1, 1, 1]);
    await expectClose(softmax(logits, [0, 1]).sum(), 1);
    expect(logsumexp(logits, 1, { keepDims: true }).shape).toEqual([2, 1]);
    expect(softmax(zeros([2, 0])).shape).toEqual([2, 0]);
  });

  test("gradients", async () => {
    const t = tensor([
      [0.1, -0.7, 0.4],
      [2, 1, -1],
    ]);
    for (const fn of [softmax, logSoftmax]) {
      await checkGradient((u) => fn(u, -1), [t]);
      await checkGradient((u) => fn(u, [0, 1]), [t]);
      await checkGradient((u) => grad((v: Tensor) => fn(v, 0).square().sum())(u), [t]);
    }
    await checkGradient((u) => logsumexp(u, 0), [t]);
    await checkGradient((u) => grad((v: Tensor) => logsumexp(v, 1).square().sum())(u), [t]);
  });

  test("extremes", async () => {
    expect(await list(grad((t: Tensor) => t.sigmoid().sum())(tensor([-1000, 0, 1000])))).toEqual([
      0, 0.25, 0,
    ]);
    expect(await list(grad((t: Tensor) => t.relu().sum())(tensor([-1, 0, 2, nan])))).toEqual([0, 0, 1, 1]);
    const rows = tensor([
      [-inf, -inf],
      [-inf, 3],
      [inf, 0],
      [nan, 0],
    ]);
    expect(await list(logsumexp(rows, 1))).toEqual([-inf, 3, inf, nan]);
    const g = await list(grad((t: Tensor) => logsumexp(t, 1).slice([0, 2]).sum())(rows));
    expect(g.slice(0, 4)).toEqual([0, 0, 0, 1]);
    expect(await list(softmax(tensor([-inf, 0])))).toEqual([0, 1]);
    expect(await list(softmax(tensor([nan, 0])))).toEqual([nan, nan]);
    expect(await list(grad((t: Tensor) => logSoftmax(t).index(1))(tensor([-inf, 0])))).toEqual([0, 0]);
  });
});

test("more sums of one row than a kernel holds", async () => {
  const multiples = (row: Tensor) => Array.from({ length: 11 }, (_, i) => row.mul(i + 1).sum());
  const sums = jit((a: Tensor, b: Tensor) => [...multiples(a), ...multiples(b), a.mul(b).sum()]);
  const ones = zeros([1000]).add(1);
  const got = await Promise.all(sums(ones, ones.mul(2)).map((each) => each.item()));
  const expected = (value: number) => Array.from({ length: 11 }, (_, i) => 1000 * value * (i + 1));
  expect(got).toEqual([...expected(1), ...expected(2), 2000]);
});
