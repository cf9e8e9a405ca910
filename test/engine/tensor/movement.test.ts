/** Shapes, order of axes, padding, slices, indices, joining. */
import {
  arange,
  broadcastTo,
  concat,
  diagonal,
  expand,
  flip,
  index,
  moveAxis,
  pad,
  permute,
  type Range,
  repeat,
  reshape,
  roll,
  slice,
  split,
  squeeze,
  stack,
  type Tensor,
  tensor,
  tile,
  transpose,
  unsqueeze,
  zeros,
} from "nabla";
import { checkGradient } from "nabla/testing";
import { describe, expect, test } from "vitest";

const grid = (...shape: number[]) => reshape(arange(shape.reduce((a, b) => a * b, 1)), shape);
const x = grid(2, 3);
const f = tensor([
  [0.5, -1, 2],
  [3, 1.5, -2],
]);

describe("shapes", () => {
  test("reshape and flatten", async () => {
    expect(await reshape(x, [3, -1]).array()).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    expect(reshape(zeros([0, 3]), [0]).shape).toEqual([0]);
    expect(grid(2, 3, 4).flatten().shape).toEqual([24]);
    expect(grid(2, 3, 4).flatten(1).shape).toEqual([2, 12]);
    expect(grid(2, 3, 4).flatten(0, 1).shape).toEqual([6, 4]);
    expect(tensor(1).flatten().shape).toEqual([1]);
    expect(() => reshape(x, [4, -1])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: reshape: the shape must have 6 elements, at most one size being -1; got [4,-1] for i32[2,3].]`,
    );
    expect(() => reshape(x, [7])).toThrow("reshape:");
    expect(() => reshape(zeros([0]), [0, -1])).toThrow("reshape:");
  });

  test("permute, transpose, moveAxis", async () => {
    expect(await transpose(x).array()).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
    expect(permute(grid(2, 3, 4), [2, 0, -2]).shape).toEqual([4, 2, 3]);
    expect(transpose(grid(2, 3, 4), 0, 2).shape).toEqual([4, 3, 2]);
    expect(moveAxis(grid(2, 3, 4), 0, -1).shape).toEqual([3, 4, 2]);
    expect(await index(permute(grid(2, 3, 4), [2, 0, 1]), 3, 1, 2).item()).toBe(23);
    expect(() => permute(x, [0, 0])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: permute: axes must name each axis of the operand once; got [0,0] for i32[2,3].]`,
    );
    expect(() => permute(x, [0])).toThrow("permute:");
  });

  test("expand, squeeze, unsqueeze", async () => {
    expect(await broadcastTo(tensor([1, 2]), [2, 2]).array()).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(expand(zeros([3, 1]), [2, -1, 4]).shape).toEqual([2, 3, 4]);
    expect(() => broadcastTo(zeros([3]), [2])).toThrow("broadcast");
    expect(() => broadcastTo(zeros([2, 1]), [2])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: broadcastTo: f32[2,1] must broadcast to the shape (equal or 1 from the right); got [2].]`,
    );
    expect(squeeze(zeros([1, 3, 1])).shape).toEqual([3]);
    expect(squeeze(zeros([1, 3, 1]), -1).shape).toEqual([1, 3]);
    expect(() => squeeze(x, 1)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: squeeze: a removed axis must have size 1; got axis 1 of i32[2,3].]`,
    );
    expect(unsqueeze(x, [0, -1]).shape).toEqual([1, 2, 3, 1]);
    expect(unsqueeze(x, 1).shape).toEqual([2, 1, 3]);
  });

  test("flip, pad, tile, repeat, roll", async () => {
    expect(await flip(x, 1).array()).toEqual([
      [2, 1, 0],
      [5, 4, 3],
    ]);
    expect(await flip(x).flatten().array()).toEqual([5, 4, 3, 2, 1, 0]);
    expect(flip(zeros([0, 2])).shape).toEqual([0, 2]);
    expect(await pad(tensor([1, 2]), [1, 2], 9).array()).toEqual([9, 1, 2, 9, 9]);
    expect(
      await pad(x, [
        [0, 0],
        [-1, 1],
      ]).array(),
    ).toEqual([
      [1, 2, 0],
      [4, 5, 0],
    ]);
    expect(pad(x, 1).shape).toEqual([4, 5]);
    expect(await tile(tensor([1, 2]), [2, 2]).array()).toEqual([
      [1, 2, 1, 2],
      [1, 2, 1, 2],
    ]);
    expect(await repeat(tensor([1, 2]), 2).array()).toEqual([1, 1, 2, 2]);
    expect(await roll(arange(5), 2).array()).toEqual([3, 4, 0, 1, 2]);
    expect(await roll(x, -1, 1).array()).toEqual([
      [1, 2, 0],
      [4, 5, 3],
    ]);
  });

  test("gradients", async () => {
    await checkGradient((t) => t.transpose().reshape([2, 3]).mul(t), [f]);
    await checkGradient((t) => t.flip(1).mul(t), [f]);
    await checkGradient(
      (t) =>
        t
          .pad([
            [1, 0],
            [-1, 2],
          ])
          .square(),
      [f],
    );
    await checkGradient((t) => t.tile([2, 2]).square(), [f]);
    await checkGradient((t) => t.roll(1, 1).mul(t), [f]);
    await checkGradient((t) => t.expand([4, 2, 3]).square(), [f]);
  });
});

describe("slices", () => {
  /** Python's slice on an array. */
  const python = (values: number[], [start, stop, step]: Range): number[] => {
    const n = values.length;
    const by = step ?? 1;
    const fix = (v: number, low: number, high: number) => Math.min(high, Math.max(low, v < 0 ? v + n : v));
    const from = by > 0 ? fix(start ?? 0, 0, n) : start == null ? n - 1 : fix(start, -1, n - 1);
    const to = by > 0 ? (stop == null ? n : fix(stop, 0, n)) : stop == null ? -1 : fix(stop, -1, n - 1);
    const out: number[] = [];
    for (let i = from; by > 0 ? i < to : i > to; i += by) out.push(values[i] as number);
    return out;
  };

  test("every range of a short axis as in Python", async () => {
    const bounds = [null, -7, -5, -2, -1, 0, 1, 3, 5, 7];
    for (const size of [0, 1, 5]) {
      const values = Array.from({ length: size }, (_, i) => i);
      const t = tensor(values, { shape: [size] });
      for (const start of bounds) {
        for (const stop of bounds) {
          for (const step of [null, 1, 2, 7, -1, -3]) {
            const range: Range = [start, stop, step];
            expect(await slice(t, range).array(), `${size} ${range}`).toEqual(python(values, range));
          }
        }
      }
    }
  });

  test("index", async () => {
    const t = grid(2, 3, 4);
    expect(await index(t, 1, -1, 0).item()).toBe(20);
    expect(await index(t, "...", -1).array()).toEqual([
      [3, 7, 11],
      [15, 19, 23],
    ]);
    expect(index(t, [1, null], null, "...", [null, null, -2]).shape).toEqual([1, 1, 3, 2]);
    expect(await index(t, 0, 0, [null, null, -2]).array()).toEqual([3, 1]);
    expect(index(t, null, "...", null).shape).toEqual([1, 2, 3, 4, 1]);
    expect(index(t).shape).toEqual([2, 3, 4]);
    expect(() => index(t, 2)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: index: a position on axis 0 of i32[2,3,4] must be an integer in [-2, 2); got 2.]`,
    );
    expect(() => index(t, 0, 0, 0, 0)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: index: there must be at most an item per axis and one "..."; got 4 for i32[2,3,4].]`,
    );
    expect(() => index(t, tensor([true]) as unknown as number)).toThrowErrorMatchingInlineSnapshot(
      `[UnsupportedError: index: an item must be a number, range, null or "..."; got a tensor. Use take(x, indices, axis) for indices; for a mask use where(mask, x, 0): shapes cannot depend on data.]`,
    );
    expect(() => slice(x, [0, 1, 0])).toThrow("step must not be 0");
    expect(() => slice(x, [], [], [])).toThrow("at most a range per axis");
    await checkGradient((u) => u.slice([], [null, null, -2]).square(), [f]);
    await checkGradient((u) => u.index(1, [1, 3]).square(), [f]);
  });

  test("diagonal", async () => {
    expect(await diagonal(grid(3, 3)).array()).toEqual([0, 4, 8]);
    expect(await diagonal(grid(2, 3)).array()).toEqual([0, 4]);
    expect(await diagonal(grid(2, 3, 2), 0, 2).array()).toEqual([
      [0, 7],
      [2, 9],
      [4, 11],
    ]);
    expect(diagonal(zeros([0, 3])).shape).toEqual([0]);
    await checkGradient((u) => u.diagonal().square(), [f]);
  });
});

describe("joining", () => {
  test("concat, stack, split", async () => {
    expect(await concat([x, tensor([[9, 9, 9]], { dtype: "i32" })]).array()).toEqual([
      [0, 1, 2],
      [3, 4, 5],
      [9, 9, 9],
    ]);
    expect(concat([x, x], -1).shape).toEqual([2, 6]);
    expect(concat([x, f]).dtype).toBe("f32");
    expect(stack([x, x], 1).shape).toEqual([2, 2, 3]);
    expect(stack([x, x], -1).shape).toEqual([2, 3, 2]);
    expect(await stack([1, 2]).array()).toEqual([1, 2]);
    const [a, b] = split(x, [1, 2], 1) as [Tensor, Tensor];
    expect([await a.array(), await b.array()]).toEqual([
      [[0], [3]],
      [
        [1, 2],
        [4, 5],
      ],
    ]);
    expect(split(x, 3, -1).map((part) => part.shape)).toEqual([
      [2, 1],
      [2, 1],
      [2, 1],
    ]);
    expect(() => concat([])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: concat: there must be at least one tensor; got none.]`,
    );
    expect(() => concat([x, zeros([2, 2])])).toThrow("shapes must be equal but on axis 0");
    expect(() => split(x, 2, 1)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: split: parts must be whole and fill axis 1 of i32[2,3]; got 2 parts.]`,
    );
    await checkGradient((u, v) => concat([u, v.square(), u.exp()], 1), [f, f.mul(2)]);
  });
});
