/** Convolution and pooling against plain loops. */
import { avgPool, conv, convTranspose, grad, maxPool, type Tensor, tensor, zeros } from "nabla";
import { checkGradient, expectClose } from "nabla/testing";
import { describe, expect, test } from "vitest";

const filled = (shape: number[], seed = 0) => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(2.3 * i + seed)),
    { shape },
  );
};

interface Geometry {
  stride: [number, number];
  dilation: [number, number];
  pads: [[number, number], [number, number]];
  groups: number;
}

/** 2-D convolution by its definition. */
async function naive(x: Tensor, w: Tensor, { stride, dilation, pads, groups }: Geometry): Promise<number[]> {
  const [n, h, wide, c] = x.shape as [number, number, number, number];
  const [kh, kw, per, o] = w.shape as [number, number, number, number];
  const [xs, ws] = [await x.data(), await w.data()];
  const size = (length: number, k: number, i: 0 | 1) =>
    Math.floor((length + pads[i][0] + pads[i][1] - ((k - 1) * dilation[i] + 1)) / stride[i]) + 1;
  const [oh, ow] = [size(h, kh, 0), size(wide, kw, 1)];
  const out: number[] = [];
  for (let b = 0; b < n; b++)
    for (let p = 0; p < oh; p++)
      for (let q = 0; q < ow; q++)
        for (let f = 0; f < o; f++) {
          const group = Math.floor(f / (o / groups));
          let sum = 0;
          for (let i = 0; i < kh; i++)
            for (let j = 0; j < kw; j++)
              for (let ch = 0; ch < per; ch++) {
                const row = p * stride[0] + i * dilation[0] - pads[0][0];
                const column = q * stride[1] + j * dilation[1] - pads[1][0];
                if (row < 0 || row >= h || column < 0 || column >= wide) continue;
                const value = xs[((b * h + row) * wide + column) * c + group * per + ch] as number;
                sum += value * (ws[((i * kw + j) * per + ch) * o + f] as number);
              }
          out.push(sum);
        }
  return out;
}

describe("conv", () => {
  const one: [number, number] = [1, 1];
  const none: Geometry["pads"] = [
    [0, 0],
    [0, 0],
  ];
  test("options against the definition", async () => {
    const x = filled([2, 5, 6, 4]);
    const w = filled([3, 2, 4, 6], 1);
    await expectClose(conv(x, w), await naive(x, w, { stride: one, dilation: one, pads: none, groups: 1 }));
    await expectClose(
      conv(x, w, { stride: [2, 1], padding: 1 }),
      await naive(x, w, {
        stride: [2, 1],
        dilation: one,
        pads: [
          [1, 1],
          [1, 1],
        ],
        groups: 1,
      }),
    );
    await expectClose(
      conv(x, w, { dilation: 2, padding: [[0, 1], 2] }),
      await naive(x, w, {
        stride: one,
        dilation: [2, 2],
        pads: [
          [0, 1],
          [2, 2],
        ],
        groups: 1,
      }),
    );
    const grouped = filled([3, 3, 2, 6], 2);
    await expectClose(
      conv(x, grouped, { groups: 2, padding: "same", stride: 2 }),
      await naive(x, grouped, {
        stride: [2, 2],
        dilation: one,
        pads: [
          [1, 1],
          [0, 1],
        ],
        groups: 2,
      }),
    );
    const depthwise = filled([2, 2, 1, 4], 3);
    await expectClose(
      conv(x, depthwise, { groups: 4 }),
      await naive(x, depthwise, { stride: one, dilation: one, pads: none, groups: 4 }),
    );
  });

  test("same keeps ceil(size / stride)", () => {
    for (const size of [5, 6, 7]) {
      for (const stride of [1, 2, 3]) {
        const y = conv(zeros([1, size, 1]), zeros([3, 1, 1]), { padding: "same", stride });
        expect(y.shape).toEqual([1, Math.ceil(size / stride), 1]);
      }
    }
  });

  test("one and three dimensions", async () => {
    const x = tensor([[[1], [2], [3], [4]]]);
    const w = tensor([[[1]], [[10]]]);
    expect(await conv(x, w).flatten().array()).toEqual([21, 32, 43]);
    expect(conv(zeros([2, 3, 4, 5, 2]), zeros([2, 2, 2, 2, 7]), { padding: "same" }).shape).toEqual([
      2, 3, 4, 5, 7,
    ]);
    expect(conv(zeros([1, 2, 1]), zeros([3, 1, 4])).shape).toEqual([1, 0, 4]);
  });

  test("gradients, first and second", async () => {
    const [x, w] = [filled([2, 4, 5, 2]), filled([2, 3, 1, 4], 1)];
    const options = { stride: [2, 1], padding: "same", dilation: [1, 2], groups: 2 } as const;
    await checkGradient((a, b) => conv(a, b, options), [x, w]);
    const second = grad((a: Tensor, b: Tensor) => conv(a, b, options).square().sum(), { argnums: [0, 1] });
    await checkGradient((a, b) => second(a, b)[0], [x, w]);
    await checkGradient((a, b) => second(a, b)[1], [x, w]);
  });

  test("errors", () => {
    expect(() => conv(zeros([2, 3]), zeros([3, 1, 1]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: conv: x must be [batch, ...spatial, channels]; got f32[2,3]. Add axes with .unsqueeze(axis).]`,
    );
    expect(() => conv(zeros([1, 4, 4, 3]), zeros([3, 3, 1]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: conv: weights must be [...kernel, channels / groups, outputs] with 2 kernel axes; got f32[3,3,1] for x f32[1,4,4,3].]`,
    );
    expect(() => conv(zeros([1, 4, 4, 3]), zeros([3, 3, 2, 4]))).toThrow("channels must be");
    expect(() => conv(zeros([1, 4, 3]), zeros([3, 3, 4]), { stride: [1, 1] })).toThrow(
      "one per spatial axis (1)",
    );
    expect(() =>
      conv(zeros([1, 4, 3]), zeros([3, 3, 4]), { padding: "full" as "same" }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: conv: padding must be "valid", "same", a number or a pair per spatial axis (1); got "full".]`,
    );
  });
});

describe("convTranspose", () => {
  test("sizes", () => {
    const of = (size: number, options: Parameters<typeof convTranspose>[2]) =>
      convTranspose(zeros([1, size, 2]), zeros([3, 5, 2]), options).shape;
    expect(of(4, {})).toEqual([1, 6, 5]);
    expect(of(4, { stride: 2 })).toEqual([1, 9, 5]);
    expect(of(4, { stride: 2, padding: 1, outputPadding: 1 })).toEqual([1, 8, 5]);
    expect(of(4, { padding: [[2, 0]], dilation: 2 })).toEqual([1, 6, 5]);
    for (const stride of [1, 2, 3, 4]) expect(of(4, { padding: "same", stride })).toEqual([1, 4 * stride, 5]);
  });

  test("spreads each element over its window", async () => {
    const x = tensor([[[1], [2]]]);
    const w = tensor([[[1]], [[10]], [[100]]]);
    expect(await convTranspose(x, w).flatten().array()).toEqual([1, 12, 120, 200]);
    expect(await convTranspose(x, w, { stride: 2 }).flatten().array()).toEqual([1, 10, 102, 20, 200]);
    expect(await convTranspose(x, w, { stride: 4, padding: "same" }).flatten().array()).toEqual([
      1, 10, 100, 0, 2, 20, 200, 0,
    ]);
  });

  test("gradients, first and second", async () => {
    const [x, w] = [filled([2, 3, 2, 4]), filled([2, 3, 1, 4], 1)];
    const options = { stride: [2, 1], padding: [[1, 0], 1], dilation: [1, 2], groups: 2 } as const;
    await checkGradient((a, b) => convTranspose(a, b, options), [x, w]);
    const second = grad((a: Tensor, b: Tensor) => convTranspose(a, b, options).square().sum(), {
      argnums: [0, 1],
    });
    await checkGradient((a, b) => second(a, b)[0], [x, w]);
    await checkGradient((a, b) => second(a, b)[1], [x, w]);
  });

  test("errors", () => {
    expect(() => convTranspose(zeros([1, 4, 3]), zeros([3, 3, 4]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: convTranspose: weights must be [...kernel, outputs / groups, inputs] with 1 kernel axes; got f32[3,3,4] for x f32[1,4,3].]`,
    );
    expect(() =>
      convTranspose(zeros([1, 1, 3]), zeros([3, 4, 3]), { padding: 2 }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: convTranspose: every axis must have an element left; got sizes [-1] from f32[3,4,3] for x f32[1,1,3].]`,
    );
    expect(() =>
      convTranspose(zeros([1, 4, 3]), zeros([3, 4, 3]), { stride: 2, outputPadding: 2 }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: convTranspose: outputPadding must be below the stride, and 0 for "same"; got [2] and stride [2].]`,
    );
  });
});

describe("pooling", () => {
  const x = tensor([
    [
      [[1], [5], [2]],
      [[4], [3], [-6]],
      [[7], [8], [9]],
    ],
  ]);
  test("maxPool", async () => {
    expect(await maxPool(x, 2, { stride: 1 }).flatten().array()).toEqual([5, 5, 8, 9]);
    expect(await maxPool(x, 2).flatten().array()).toEqual([5]);
    expect(await maxPool(x.neg(), 2, { padding: "same" }).flatten().array()).toEqual([-1, 6, -7, -9]);
    expect(await maxPool(x, [1, 3]).flatten().array()).toEqual([5, 4, 9]);
    await checkGradient((t) => maxPool(t, 2, { stride: 1 }).square(), [x]);
    const g = grad((t: Tensor) => maxPool(t, 2).sum());
    expect(
      await g(zeros([1, 2, 2, 1]))
        .flatten()
        .array(),
    ).toEqual([1, 0, 0, 0]);
  });

  test("avgPool", async () => {
    await expectClose(avgPool(x, 2, { stride: 1 }), [13 / 4, 1, 22 / 4, 14 / 4]);
    await expectClose(avgPool(x, 2, { padding: "same" }), [13 / 4, -2, 7.5, 9]);
    await expectClose(avgPool(x, 2, { padding: "same", countPadding: true }), [13 / 4, -1, 15 / 4, 9 / 4]);
    await checkGradient((t) => avgPool(t, 2, { padding: 1 }).square(), [x]);
    expect(() => avgPool(zeros([2, 2]), 2)).toThrow("avgPool: x must be");
  });
});
