/** Elementwise functions against JavaScript's own, broadcasting, dtypes and special values. */
import {
  add,
  bitwiseAnd,
  bitwiseOr,
  bitwiseXor,
  clip,
  div,
  floorDivide,
  maximum,
  mul,
  type Tensor,
  tensor,
  where,
  zeros,
} from "nabla";
import { checkGradient, expectClose } from "nabla/testing";
import { describe, expect, test } from "vitest";

const values = [-2.5, -1, -0.5, 0, 0.25, 0.5, 1, 1.5, 2.5, 7];
const inf = Number.POSITIVE_INFINITY;
const i32 = (data: number[]) => tensor(data, { dtype: "i32" });
const list = async (x: Tensor) => Array.from(await x.data());

const cosine = (x: number) => Math.cos(x);
const even = (x: number) => {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
};

describe("functions of one tensor", () => {
  const cases: [string, (x: Tensor) => Tensor, (x: number) => number][] = [
    ["neg", (x) => x.neg(), (x) => -x],
    ["abs", (x) => x.abs(), Math.abs],
    ["exp", (x) => x.exp(), Math.exp],
    ["log", (x) => x.log(), Math.log],
    ["log1p", (x) => x.log1p(), Math.log1p],
    ["expm1", (x) => x.expm1(), Math.expm1],
    ["sqrt", (x) => x.sqrt(), Math.sqrt],
    ["rsqrt", (x) => x.rsqrt(), (x) => 1 / Math.sqrt(x)],
    ["reciprocal", (x) => x.reciprocal(), (x) => 1 / x],
    ["square", (x) => x.square(), (x) => x * x],
    ["sin", (x) => x.sin(), Math.sin],
    ["cos", (x) => x.cos(), cosine],
    ["tan", (x) => x.tan(), Math.tan],
    ["tanh", (x) => x.tanh(), Math.tanh],
    ["floor", (x) => x.floor(), Math.floor],
    ["ceil", (x) => x.ceil(), Math.ceil],
    ["trunc", (x) => x.trunc(), Math.trunc],
    ["round", (x) => x.round(), even],
    ["sign", (x) => x.sign(), Math.sign],
    ["sigmoid", (x) => x.sigmoid(), (x) => 1 / (1 + Math.exp(-x))],
    ["relu", (x) => x.relu(), (x) => Math.max(x, 0)],
  ];
  test.each(cases)("%s", async (_name, op, js) => {
    await expectClose(op(tensor(values)), values.map(js));
    const special = [Number.NaN, inf, -inf];
    expect((await list(op(tensor([Number.NaN]))))[0]).toBeNaN();
    const expected = special.map((x) => js(x));
    await expectClose(op(tensor(special)), expected);
    expect(op(zeros([0, 3])).shape).toEqual([0, 3]);
  });

  const smooth = ["neg", "exp", "log1p", "expm1", "square", "sin", "cos", "tanh", "erf", "sigmoid"] as const;
  test.each(smooth)("gradient of %s, first and second", async (name) => {
    const x = tensor([-0.9, -0.3, 0.2, 0.8]);
    await checkGradient((t) => t[name](), [x]);
    const { grad } = await import("nabla");
    await checkGradient((t) => grad((u: Tensor) => u[name]().sum())(t), [x]);
  });

  test("gradients on the positive side", async () => {
    const x = tensor([0.3, 1.2, 3]);
    await checkGradient((t) => t.log(), [x]);
    await checkGradient((t) => t.sqrt(), [x]);
    await checkGradient((t) => t.rsqrt(), [x]);
    await checkGradient((t) => t.reciprocal(), [x]);
    await checkGradient((t) => t.abs().add(t.neg().abs()), [x]);
    await checkGradient((t) => t.mul(0.2).erfinv(), [x]);
  });

  test("tiny arguments keep their digits", async () => {
    const tiny = [1e-10, -1e-10, 3e-8, 1e-4];
    await expectClose(tensor(tiny).log1p(), tiny.map(Math.log1p), { relative: 1e-6, absolute: 0 });
    await expectClose(tensor(tiny).expm1(), tiny.map(Math.expm1), { relative: 1e-6, absolute: 0 });
    await expectClose(tensor([-1, -2]).log1p(), [-inf, Number.NaN]);
  });

  test("erf and its inverse", async () => {
    await expectClose(tensor([0, 0.5, -1, 3]).erf(), [0, 0.5204998778, -0.8427007929, 0.9999779095]);
    const x = [-0.999999, -0.9, -0.1, 0, 0.3, 0.99];
    await expectClose(tensor(x).erfinv().erf(), x, { relative: 1e-6 });
    await expectClose(tensor([1, -1, 1.5]).erfinv(), [inf, -inf, Number.NaN]);
  });

  test("rounding at the edges", async () => {
    const x = [0.49999997, -0.5, 1.5, -1.5, 2.5, 8388609, -0.2];
    await expectClose(tensor(x).round(), [0, 0, 2, -2, 2, 8388609, 0]);
    expect(Object.is((await list(tensor([-0]).round()))[0], -0)).toBe(true);
    expect(Object.is((await list(tensor([0]).neg()))[0], -0)).toBe(true);
  });
});

describe("functions of two tensors", () => {
  test("broadcasting", async () => {
    const column = tensor([[1], [2], [3]]);
    const row = tensor([10, 20]);
    expect(await add(column, row).array()).toEqual([
      [11, 21],
      [12, 22],
      [13, 23],
    ]);
    expect(add(zeros([2, 0, 3]), zeros([1, 3])).shape).toEqual([2, 0, 3]);
    expect(() => add(zeros([2, 3]), zeros([4]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: add: shapes must broadcast (equal or 1 from the right); got [2,3] and [4].]`,
    );
  });

  test("gradients of broadcast operands", async () => {
    const [a, b] = [tensor([[1.5], [2.5]]), tensor([0.5, 2, 3])];
    await checkGradient((x, y) => x.mul(y), [a, b]);
    await checkGradient((x, y) => x.div(y), [a, b]);
    await checkGradient((x, y) => x.sub(y), [a, b]);
    await checkGradient((x, y) => x.pow(y), [a, b]);
    await checkGradient((x, y) => x.maximum(y).add(x.minimum(y.mul(2))), [a, b]);
    await checkGradient((x, y) => where(x.lt(y), x.square(), y.exp()), [a, b]);
    await checkGradient((x) => x.clip(1.7, 2), [a]);
    await checkGradient((x) => x.pow(3).add(x.pow(1)).add(x.pow(-1.5)), [a]);
  });

  test("dtypes meet", async () => {
    const [f, i, u, t] = [tensor([1.5]), i32([2]), tensor([3], { dtype: "u32" }), tensor([true])];
    expect([add(f, i).dtype, add(f, u).dtype, add(f, t).dtype]).toEqual(["f32", "f32", "f32"]);
    expect([add(i, t).dtype, add(u, t).dtype, add(t, t).dtype]).toEqual(["i32", "u32", "i32"]);
    expect([add(i, 1).dtype, add(f, 1).dtype, add(t, 1).dtype, add(1, 2).dtype]).toEqual([
      "i32",
      "f32",
      "i32",
      "f32",
    ]);
    expect([div(i, i).dtype, i.exp().dtype, i.mean().dtype]).toEqual(["f32", "f32", "f32"]);
    expect(await list(add(t, t))).toEqual([2]);
    expect(await list(div(i32([1, 7]), i32([2, 2])))).toEqual([0.5, 3.5]);
    expect(() => add(i, u)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: add: i32 and u32 do not mix; got i32[1] and u32[1]. Cast one with .astype("i32") or .astype("u32").]`,
    );
    expect(() => mul(i, 0.5)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: mul: a number beside i32[1] must be an integer in [-2147483648, 2147483647]; got 0.5. Cast the tensor with .astype("f32") first.]`,
    );
    expect(() => add(f.astype("f16"), 1)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: add: operands must be f32, i32, u32 or bool; got f16[1]. f16 only stores: compute in .astype("f32").]`,
    );
  });

  test("integer arithmetic", async () => {
    const [a, b] = [i32([7, -7, 7, -7, 6, 5]), i32([2, 2, -2, -2, 3, 0])];
    expect(await list(floorDivide(a, b))).toEqual([3, -4, -4, 3, 2, 0]);
    expect(await list(a.remainder(b))).toEqual([1, 1, -1, -1, 0, 5]);
    await expectClose(tensor([7.5, -7.5]).remainder(2), [1.5, 0.5]);
    expect(await list(i32([2, -3]).pow(5))).toEqual([32, -243]);
    expect(await list(i32([2, -3]).pow(0))).toEqual([1, 1]);
    expect(() => i32([2]).pow(-1)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: pow: an integer base needs a whole number >= 0 as exponent; got i32[1] and -1. Cast the base with .astype("f32").]`,
    );
    expect(await list(bitwiseAnd(i32([6]), 3))).toEqual([2]);
    expect(await list(bitwiseOr(i32([6]), 3))).toEqual([7]);
    expect(await list(bitwiseXor(i32([6]), 3))).toEqual([5]);
    expect(await list(i32([-8]).shiftRight(1))).toEqual([-4]);
    expect(await list(tensor([1], { dtype: "u32" }).neg())).toEqual([2 ** 32 - 1]);
    expect(await list(tensor([2 ** 31], { dtype: "u32" }).shiftRight(31))).toEqual([1]);
  });

  test("extremes let NaN win and share ties", async () => {
    const nan = Number.NaN;
    expect(await list(maximum(tensor([1, nan, 2]), tensor([nan, 1, 3])))).toEqual([nan, nan, 3]);
    const { grad } = await import("nabla");
    expect(await list(grad((x: Tensor) => maximum(x, 1).sum())(tensor([0, 1, 2])))).toEqual([0, 0.5, 1]);
  });
});

describe("comparisons and choice", () => {
  const [a, b] = [tensor([1, 2, Number.NaN]), tensor([2, 2, Number.NaN])];
  test("truth tables", async () => {
    const rows = await Promise.all([a.eq(b), a.ne(b), a.lt(b), a.le(b), a.gt(b), a.ge(b)].map(list));
    expect(rows).toEqual([
      [0, 1, 0],
      [1, 0, 1],
      [1, 0, 0],
      [1, 1, 0],
      [0, 0, 0],
      [0, 1, 0],
    ]);
    const [p, q] = [tensor([true, true, false, false]), tensor([true, false, true, false])];
    expect(await list(p.logicalAnd(q))).toEqual([1, 0, 0, 0]);
    expect(await list(p.logicalOr(q))).toEqual([1, 1, 1, 0]);
    expect(await list(p.logicalXor(q))).toEqual([0, 1, 1, 0]);
    expect(await list(tensor([0, 2, 0.5]).logicalNot())).toEqual([1, 0, 0]);
    expect(await list(p.lt(q))).toEqual([0, 0, 1, 0]);
    expect(await list(tensor([1, inf, Number.NaN]).isfinite())).toEqual([1, 0, 0]);
    expect(await list(tensor([1, inf, Number.NaN]).isnan())).toEqual([0, 0, 1]);
  });

  test("where and clip", async () => {
    const x = tensor([-2, 0.5, 3]);
    expect(await list(where(x.gt(0), x, 0))).toEqual([0, 0.5, 3]);
    expect(await list(where(x.gt(0), 1, 2))).toEqual([2, 1, 1]);
    expect(where(x.gt(0), i32([1, 2, 3]), true).dtype).toBe("i32");
    expect(await list(clip(x, -1, 1))).toEqual([-1, 0.5, 1]);
    expect(await list(clip(x, null, 1))).toEqual([-2, 0.5, 1]);
    expect(() => where(x, 1, 0)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: where: the condition must be bool; got f32[3]. Compare it first, as in x.ne(0).]`,
    );
  });

  test("casts", async () => {
    expect(await list(tensor([1.9, -1.9, 0]).astype("i32"))).toEqual([1, -1, 0]);
    expect(await list(tensor([1.9, 0]).astype("bool"))).toEqual([1, 0]);
    expect(await list(tensor([1 / 3, 70000, -1e-8]).astype("f16"))).toEqual([0.333251953125, inf, -0]);
    expect(await list(tensor([1 / 3]).astype("bf16"))).toEqual([0.333984375]);
    expect(await list(i32([-1]).astype("u32"))).toEqual([2 ** 32 - 1]);
    expect(await list(i32([200]).astype("i8"))).toEqual([-56]);
    expect(await list(i32([300, -1]).astype("u8"))).toEqual([44, 255]);
    expect(await list(tensor([300.5, -1.5, Number.NaN, inf]).astype("u8"))).toEqual([44, 255, 0, 255]);
  });
});
