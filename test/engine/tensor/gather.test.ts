/** Indices held in tensors, and sorting. */
import {
  argsort,
  grad,
  oneHot,
  scatterAdd,
  scatterSet,
  sort,
  type Tensor,
  take,
  takeAlongAxis,
  tensor,
  topk,
  zeros,
} from "nabla";
import { checkGradient } from "nabla/testing";
import { describe, expect, test } from "vitest";

const i32 = (data: Parameters<typeof tensor>[0]) => tensor(data, { dtype: "i32" });
const f = tensor([
  [0.5, -1, 2],
  [3, 1.5, -2],
]);
const nan = Number.NaN;

describe("reading", () => {
  test("take", async () => {
    expect(await take(f, i32([1, 0, 1])).array()).toEqual([
      [3, 1.5, -2],
      [0.5, -1, 2],
      [3, 1.5, -2],
    ]);
    expect(take(f, i32([[0, 1]]), 1).shape).toEqual([2, 1, 2]);
    expect(await take(f, 1).array()).toEqual([3, 1.5, -2]);
    expect(await take(f, tensor([1], { dtype: "u32" }), -1).array()).toEqual([[-1], [1.5]]);
    expect(await take(tensor([1, 2]), i32([2, -1])).array()).toEqual([nan, nan]);
    expect(await take(i32([1, 2]), i32([2])).array()).toEqual([0]);
    expect(await take(f, i32([1, -1, 2]), 0, { fill: 9 }).array()).toEqual([
      [3, 1.5, -2],
      [9, 9, 9],
      [9, 9, 9],
    ]);
    expect(await take(i32([1, 2]), i32([2, 1]), 0, { fill: -4 }).array()).toEqual([-4, 2]);
    expect(() => take(i32([1]), i32([2]), 0, { fill: 0.5 })).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: take: fill must be a whole number for i32; got 0.5.]`,
    );
    expect(take(f, i32([]), 1).shape).toEqual([2, 0]);
    expect(() => take(f, tensor([0.5]))).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: take: indices must be i32 or u32; got f32[1]. Cast with .astype("i32").]`,
    );
    await checkGradient((u) => u.take(i32([[0, 1, 1]])).square(), [f]);
    await checkGradient((u) => u.take(i32([2, 2]), 1).square(), [f]);
    await checkGradient((u) => u.take(i32([2, 5, -1]), 1, { fill: 3 }).square(), [f]);
  });

  test("takeAlongAxis", async () => {
    expect(await takeAlongAxis(f, i32([[2], [0]]), 1).array()).toEqual([[2], [3]]);
    expect(await takeAlongAxis(f, i32([[2, 1]]), 1).array()).toEqual([
      [2, -1],
      [-2, 1.5],
    ]);
    expect(() => takeAlongAxis(f, i32([1]), 1)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: takeAlongAxis: x and indices must have the same number of axes; got f32[2,3] and i32[1]. Add one with .unsqueeze(axis).]`,
    );
    await checkGradient(
      (u) =>
        u
          .takeAlongAxis(
            i32([
              [2, 2],
              [0, 1],
            ]),
            1,
          )
          .square(),
      [f],
    );
  });
});

describe("writing", () => {
  test("scatterAdd and scatterSet", async () => {
    expect(await scatterAdd(zeros([3]), i32([0, 2, 0, 5]), 1).array()).toEqual([2, 0, 1]);
    expect(await scatterSet(zeros([3]), i32([1, 1]), tensor([4, 5])).array()).toEqual([0, 5, 0]);
    expect(await scatterAdd(zeros([2, 3]), i32([1]), tensor([[1, 2, 3]])).array()).toEqual([
      [0, 0, 0],
      [1, 2, 3],
    ]);
    expect(await scatterAdd(f, i32([[0], [2]]), 10, { axis: 1, along: true }).array()).toEqual([
      [10.5, -1, 2],
      [3, 1.5, 8],
    ]);
    expect(() => scatterAdd(zeros([3]), i32([0]), zeros([2]))).toThrow("scatterAdd");
    await checkGradient((base, up) => scatterAdd(base, i32([1, 1]), up).square(), [f, f.add(1)]);
    await checkGradient((base, up) => scatterSet(base, i32([1]), up.slice([0, 1])).square(), [f, f.add(1)]);
  });

  test("oneHot", async () => {
    expect(await oneHot(i32([1, 0, 7]), 2).array()).toEqual([
      [0, 1],
      [1, 0],
      [0, 0],
    ]);
    expect(oneHot(i32([[1]]), 4, "bool").dtype).toBe("bool");
    expect(oneHot(i32([[1]]), 4).shape).toEqual([1, 1, 4]);
  });
});

describe("order", () => {
  test("sort, argsort, topk", async () => {
    expect(await sort(f).array()).toEqual([
      [-1, 0.5, 2],
      [-2, 1.5, 3],
    ]);
    expect(await sort(f, 0, { descending: true }).array()).toEqual([
      [3, 1.5, 2],
      [0.5, -1, -2],
    ]);
    expect(await argsort(tensor([2, nan, 1, 2])).array()).toEqual([2, 0, 3, 1]);
    expect(await argsort(tensor([2, nan, 1, 2]), 0, { descending: true }).array()).toEqual([0, 3, 2, 1]);
    const { values, indices } = topk(f, 2);
    expect(await values.array()).toEqual([
      [2, 0.5],
      [3, 1.5],
    ]);
    expect(await indices.array()).toEqual([
      [2, 0],
      [0, 1],
    ]);
    expect(await topk(f, 1, { largest: false, axis: 0 }).values.array()).toEqual([[0.5, -1, -2]]);
    expect(sort(zeros([2, 0])).shape).toEqual([2, 0]);
    expect(() => topk(f, 4)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: topk: k must be an integer in [0, 3]; got 4 for f32[2,3].]`,
    );
    await checkGradient((u) => u.sort(1), [f]);
    const top = grad((u: Tensor) => u.topk(1).values.sum())(f);
    expect(await top.array()).toEqual([
      [0, 0, 1],
      [1, 0, 0],
    ]);
  });
});

test("fills are part of what a plan is known by", async () => {
  for (const fill of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0]) {
    const [value] = await take(tensor([1, 2]), i32([7]), 0, { fill }).data();
    expect(value).toBe(fill);
  }
});
