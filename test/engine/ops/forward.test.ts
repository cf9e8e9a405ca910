import { describe, expect, it } from "vitest";
import type { Attrs, DType, Node, Op, PadPair } from "../../../src/engine/ir/index.ts";
import { allOps, build as b, make, ops, outputsOf, randomWord } from "../../../src/engine/ops/index.ts";
import { type Input, ints, param, run, run1 } from "./check.ts";

const nan = Number.NaN;
const f = (data: number[], shape: number[] = [data.length]): Input => ({ shape, data });
const typed = (dtype: DType, data: number[]): Input => ({ shape: [data.length], dtype, data });
const i32 = (data: number[]) => typed("i32", data);
const u32 = (data: number[]) => typed("u32", data);
const at = (x: readonly Node[], i: number): Node => x[i] as Node;

/** Whole numbers by a rule that PyTorch was given too. */
const data = (count: number, factor: number, modulus: number) =>
  Array.from({ length: count }, (_, i) => ((i * factor) % modulus) - Math.floor(modulus / 2));

const met = new Set<Op>();
function check<K extends Op>(
  op: K,
  inputs: Input[],
  attrs: Attrs[K],
  expected: number[],
  ...told: unknown[]
) {
  met.add(op);
  const result = run1(inputs, (x) => (make as (...args: unknown[]) => Node)(op, x, attrs, ...told));
  expect(result).toEqual(expected);
}

describe("leaves", () => {
  it("const, iota", () => {
    check("const", [], { value: 2.5 }, [2.5, 2.5], [2], "f32");
    check("iota", [], { axis: 0 }, [0, 0, 0, 1, 1, 1], [2, 3], "i32");
    check("iota", [], { axis: 1 }, [0, 1, 2, 0, 1, 2], [2, 3], "f32");
    check("iota", [], { axis: 0 }, [], [0], "u32");
  });

  it("random", () => {
    const words = Array.from({ length: 6 }, (_, element) => randomWord(7, 9, element));
    check("random", [u32([7, 9])], {}, words, [2, 3]);
  });
});

describe("scalars", () => {
  it("unary", () => {
    check("exp", [f([0, 1, -Infinity, nan])], {}, [1, Math.E, 0, nan]);
    check("log", [f([1, 0, -1, Infinity])], {}, [0, -Infinity, nan, Infinity]);
    check("sqrt", [f([4, 0, -1])], {}, [2, 0, nan]);
    check("sin", [f([0, Math.PI / 2])], {}, [0, 1]);
    check("tanh", [f([0, 100, -Infinity])], {}, [0, 1, -1]);
    check("erf", [f([0, 10])], {}, [0, 1]);
    check("floor", [f([1.5, -1.5, 2])], {}, [1, -2, 2]);
    check("cast", [f([1.7, -1.7])], { dtype: "i32" }, [1, -1]);
  });

  it("floats", () => {
    check("add", [f([1, nan]), f([2, 1])], {}, [3, nan]);
    check("sub", [f([1, 0]), f([2, 0])], {}, [-1, 0]);
    check("mul", [f([3, 0]), f([2, Infinity])], {}, [6, nan]);
    check("div", [f([1, 1, 0]), f([2, 0, 0])], {}, [0.5, Infinity, nan]);
    check("max", [f([1, nan, 1]), f([2, 1, nan])], {}, [2, nan, nan]);
    check("min", [f([1, nan, 1]), f([2, 1, nan])], {}, [1, nan, nan]);
    // IEEE 754's pow, where JavaScript's differs in the last two.
    check("pow", [f([2, 0, -8, 0, nan, 1, -1]), f([3, 0, 1 / 3, -1, 0, nan, Infinity])], {}, [
      8,
      1,
      nan,
      Infinity,
      1,
      1,
      1,
    ]);
  });

  it("integers wrap, divide towards zero, and 0 by a division by 0", () => {
    check("add", [i32([2147483647]), i32([1])], {}, [-2147483648]);
    check("sub", [u32([0]), u32([1])], {}, [4294967295]);
    check("mul", [i32([123456789]), i32([987654321])], {}, [-67153019]);
    check("mul", [u32([4294967295]), u32([4294967295])], {}, [1]);
    check("div", [i32([7, -7, 7, 5]), i32([2, 2, -2, 0])], {}, [3, -3, -3, 0]);
    check("div", [u32([4294967295]), u32([2])], {}, [2147483647]);
    check("max", [u32([4294967295]), u32([1])], {}, [4294967295]);
    check("min", [i32([-3]), i32([1])], {}, [-3]);
  });

  it("compares; NaN is unequal to all", () => {
    const [a, c] = [f([1, 2, 2, nan]), f([2, 2, 1, nan])];
    check("lt", [a, c], {}, [1, 0, 0, 0]);
    check("le", [a, c], {}, [1, 1, 0, 0]);
    check("eq", [a, c], {}, [0, 1, 0, 0]);
    check("ne", [a, c], {}, [1, 0, 1, 1]);
    check("lt", [u32([4294967295]), u32([1])], {}, [0]);
  });

  it("bits and shifts", () => {
    check("bitAnd", [i32([12, -1]), i32([10, 7])], {}, [8, 7]);
    check("bitOr", [u32([12, 2147483648]), u32([10, 1])], {}, [14, 2147483649]);
    check("bitXor", [typed("bool", [1, 1, 0]), typed("bool", [1, 0, 0])], {}, [0, 1, 0]);
    check("shiftLeft", [u32([1, 3]), u32([31, 33])], {}, [2147483648, 6]);
    check("shiftRight", [i32([-8]), i32([1])], {}, [-4]);
    check("shiftRight", [u32([4294967288]), u32([1])], {}, [2147483644]);
  });

  it("where", () => {
    check("where", [typed("bool", [1, 0]), f([1, nan]), f([nan, 2])], {}, [1, 2]);
    check("where", [typed("bool", [1, 0]), typed("i8", [1, 2]), typed("i8", [3, 4])], {}, [1, 4]);
  });
});

describe("reductions", () => {
  const grid = f([1, 2, 3, 4, 5, 6], [2, 3]);

  it("reduce", () => {
    check("reduce", [grid], { kind: "sum", axes: [1] }, [6, 15]);
    check("reduce", [grid], { kind: "sum", axes: [0] }, [5, 7, 9]);
    check("reduce", [grid], { kind: "prod", axes: [0, 1] }, [720]);
    check("reduce", [grid], { kind: "max", axes: [0] }, [4, 5, 6]);
    check("reduce", [f([3, nan, 1])], { kind: "min", axes: [0] }, [nan]);
    check("reduce", [i32([2147483647, 1])], { kind: "sum", axes: [0] }, [-2147483648]);
    check("reduce", [i32([123456789, 987654321])], { kind: "prod", axes: [0] }, [-67153019]);
    check("reduce", [f([1, 2])], { kind: "sum", axes: [] }, [1, 2]);
  });

  it("reduce of nothing gives the identity", () => {
    const nothing = f([], [0]);
    check("reduce", [nothing], { kind: "sum", axes: [0] }, [0]);
    check("reduce", [nothing], { kind: "prod", axes: [0] }, [1]);
    check("reduce", [nothing], { kind: "max", axes: [0] }, [-Infinity]);
    check("reduce", [{ ...nothing, dtype: "i32" }], { kind: "max", axes: [0] }, [-2147483648]);
    check("reduce", [{ ...nothing, dtype: "u32" }], { kind: "min", axes: [0] }, [4294967295]);
  });

  it("argReduce: the first extreme; NaN counts as one", () => {
    check("argReduce", [f([1, 3, 3, 2])], { kind: "max", axis: 0 }, [1]);
    check("argReduce", [f([5, 1, nan, nan])], { kind: "min", axis: 0 }, [2]);
    check("argReduce", [f([1, 5, 2, 4, 3, 6], [2, 3])], { kind: "max", axis: 0 }, [1, 0, 1]);
    check("argReduce", [f([-Infinity, -Infinity])], { kind: "max", axis: 0 }, [0]);
  });

  it("cumulate", () => {
    check("cumulate", [grid], { kind: "sum", axis: 1, reverse: false }, [1, 3, 6, 4, 9, 15]);
    check("cumulate", [grid], { kind: "sum", axis: 0, reverse: true }, [5, 7, 9, 4, 5, 6]);
    check("cumulate", [grid], { kind: "prod", axis: 1, reverse: true }, [6, 6, 3, 120, 30, 6]);
    check("cumulate", [f([1, 3, 2, nan, 5])], { kind: "max", axis: 0, reverse: false }, [1, 3, 3, nan, nan]);
  });
});

describe("movements", () => {
  const grid = f([1, 2, 3, 4, 5, 6], [2, 3]);

  it("reshape, permute, expand, concat", () => {
    check("reshape", [grid], {}, [1, 2, 3, 4, 5, 6], [3, 2]);
    check("permute", [grid], { perm: [1, 0] }, [1, 4, 2, 5, 3, 6]);
    check(
      "permute",
      [f(data(24, 1, 24), [2, 3, 4])],
      { perm: [2, 0, 1] },
      data(24, 1, 24).map((_, i) => {
        const [c, a, m] = [Math.floor(i / 6), Math.floor(i / 3) % 2, i % 3];
        return a * 12 + m * 4 + c - 12;
      }),
    );
    check("expand", [f([1, 2], [2, 1])], {}, [1, 1, 1, 2, 2, 2], [2, 3]);
    check("concat", [f([1, 2], [2, 1]), f([3, 4, 5, 6], [2, 2])], { axis: 1 }, [1, 3, 4, 2, 5, 6]);
  });

  it("pad: outside, between and negative", () => {
    const pad = (lo: number[], hi: number[], interior: number[]) => ({ lo, hi, interior, value: 9 });
    check("pad", [f([1, 2, 3])], pad([1], [2], [0]), [9, 1, 2, 3, 9, 9]);
    check("pad", [f([1, 2, 3])], pad([0], [0], [2]), [1, 9, 9, 2, 9, 9, 3]);
    check("pad", [f([1, 2, 3])], pad([-1], [-2], [2]), [9, 9, 2, 9]);
    check("pad", [f([], [0])], pad([1], [1], [3]), [9, 9]);
    check("pad", [grid], pad([0, -1], [1, 1], [0, 0]), [2, 3, 9, 5, 6, 9, 9, 9, 9]);
  });

  it("slice: steps either way", () => {
    check("slice", [f([0, 1, 2, 3, 4])], { start: [4], step: [-2] }, [4, 2, 0], [3]);
    check("slice", [grid], { start: [1, 0], step: [-1, 2] }, [4, 6, 1, 3], [2, 2]);
    check("slice", [f([1])], { start: [0], step: [1] }, [], [0]);
  });
});

describe("indexing", () => {
  const grid = f([1, 2, 3, 4, 5, 6], [3, 2]);

  it("gather", () => {
    check("gather", [grid, i32([2, 0])], { axis: 0, along: false }, [5, 6, 1, 2]);
    check("gather", [grid, ints([2, 1], [1, 1])], { axis: 1, along: false }, [2, 2, 4, 4, 6, 6]);
    check("gather", [grid, ints([3, 1], [0, 1, 0])], { axis: 1, along: true }, [1, 4, 5]);
    check("gather", [f([1, 2]), i32([2, -1, 0])], { axis: 0, along: false }, [nan, nan, 1]);
    check("gather", [i32([1, 2]), i32([2, 1])], { axis: 0, along: false }, [0, 2]);
    check("gather", [grid, i32([-1, 1])], { axis: 1, along: false }, [nan, 2, nan, 4, nan, 6]);
    check("gather", [f([], [0]), i32([0])], { axis: 0, along: false }, [nan]);
  });

  it("scatter", () => {
    const base = f([0, 0, 0]);
    check(
      "scatter",
      [base, i32([1, 1, 5, -1]), f([1, 2, 3, 4])],
      { mode: "add", axis: 0, along: false },
      [0, 3, 0],
    );
    check(
      "scatter",
      [base, i32([1, 1, 5, -1]), f([1, 2, 3, 4])],
      { mode: "set", axis: 0, along: false },
      [0, 2, 0],
    );
    const rows = f([1, 2, 3, 4], [2, 2]);
    check("scatter", [grid, i32([2, 0]), rows], { mode: "add", axis: 0, along: false }, [4, 6, 3, 4, 6, 8]);
    check(
      "scatter",
      [rows, ints([2, 1], [1, 0]), f([8, 9], [2, 1])],
      { mode: "set", axis: 1, along: true },
      [1, 8, 9, 4],
    );
    check(
      "scatter",
      [i32([2147483647]), i32([0]), i32([1])],
      { mode: "add", axis: 0, along: false },
      [-2147483648],
    );
  });
});

describe("contractions", () => {
  const two = f([1, 2, 3, 4, 5, 6], [2, 3]);

  it("matmul", () => {
    const eye = f([1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3]);
    check("matmul", [two, eye], { transposeA: false, transposeB: false }, [1, 2, 3, 4, 5, 6]);
    check("matmul", [two, two], { transposeA: false, transposeB: true }, [14, 32, 32, 77]);
    check(
      "matmul",
      [two, two],
      { transposeA: true, transposeB: false },
      [17, 22, 27, 22, 29, 36, 27, 36, 45],
    );
    check("matmul", [f([1, 2, 3], [3, 1]), two], { transposeA: true, transposeB: true }, [14, 32]);
    check("matmul", [f([], [2, 0]), f([], [0, 1])], { transposeA: false, transposeB: false }, [0, 0]);
    // From PyTorch.
    const batches = [f(data(12, 5, 7), [2, 2, 3]), f(data(24, 3, 11), [2, 3, 4])];
    const product = [7, 4, 1, -2, -5, 1, 7, 2, 5, -1, -29, 9, 2, 5, -25, 0];
    check("matmul", batches, { transposeA: false, transposeB: false }, product);
  });

  // From PyTorch, in channels-last order.
  const attrs: Attrs["conv"] = {
    stride: [2, 1],
    padding: [
      [1, 0],
      [0, 2],
    ],
    dilation: [1, 2],
    groups: 2,
  };
  const x = f(data(80, 7, 11), [1, 5, 4, 4]);
  const w = f(data(48, 5, 9), [2, 2, 2, 6]);
  const y = [
    22, -16, 18, 21, 15, 18, -13, 4, -15, -10, -5, 0, 10, -22, 9, 9, -21, 3, -6, 12, -6, -21, 9, -15, -21, 12,
    -27, 13, -7, 9, 12, 12, 21, -24, 12, -24, -5, 26, -6, 3, -6, 3, -7, -20, -6, -17, 29, -15, -10, 1, -6, 3,
    24, 9, 12, -21, 9, 21, -12, 9, -10, 10, -6, 19, -1, 24, -1, 19, -6, 10, -10, 6,
  ];

  it("conv", () => check("conv", [x, w], attrs, y));

  it("the gradients of conv are its adjoints", () => {
    met.add("convInputGrad").add("convFilterGrad");
    // <y, conv(x, w)> = <convInputGrad(y, w), x> = <convFilterGrad(x, y), w>
    const [dx, dw] = run([x, w, f(y, [1, 3, 4, 6])], (p) => [
      b.make("convInputGrad", [at(p, 2), at(p, 1)], attrs, x.shape),
      b.make("convFilterGrad", [at(p, 0), at(p, 2)], attrs, w.shape),
    ]);
    const dot = (a: readonly number[], c: readonly number[]) =>
      a.reduce((sum, value, i) => sum + value * (c[i] as number), 0);
    expect(dot(dx as number[], x.data)).toBe(dot(y, y));
    expect(dot(dw as number[], w.data)).toBe(dot(y, y));
  });
});

describe("windows", () => {
  const x = f(data(30, 7, 31), [5, 6]);
  const pool = {
    window: [2, 3],
    stride: [1, 2],
    padding: [
      [1, 1],
      [1, 1],
    ] as PadPair[],
    dilation: [2, 1],
  };

  // From PyTorch's max_pool2d and avg_pool2d.
  it("max, its places and sum", () => {
    check(
      "reduceWindow",
      [x],
      { kind: "max", ...pool },
      [3, 10, 0, 14, 14, 13, 3, 10, 15, 14, 14, 11, -6, 8, 15],
    );
    check(
      "argWindow",
      [x],
      { kind: "max", ...pool },
      [7, 8, 11, 13, 13, 4, 7, 8, 22, 13, 13, 17, 19, 21, 22],
    );
    const sums = {
      window: [2, 2],
      stride: [2, 2],
      padding: [
        [1, 1],
        [1, 1],
      ] as PadPair[],
      dilation: [1, 1],
    };
    check("reduceWindow", [x], { kind: "sum", ...sums }, [-15, -9, 19, -11, 3, 17, -20, 11, -15, 12, 6, -7]);
  });

  it("padding alone: -inf, 0, and no place", () => {
    const far = { window: [1], stride: [1], padding: [[1, 0]] as PadPair[], dilation: [1] };
    check("reduceWindow", [f([5])], { kind: "max", ...far }, [-Infinity, 5]);
    check("reduceWindow", [f([5])], { kind: "sum", ...far }, [0, 5]);
    check("argWindow", [f([5])], { kind: "max", ...far }, [-1, 0]);
    const all = { window: [3], stride: [1], padding: [[0, 0]] as PadPair[], dilation: [1] };
    check("argWindow", [f([-Infinity, nan, nan])], { kind: "max", ...all }, [1]);
    check("argWindow", [f([-Infinity, -Infinity, -Infinity])], { kind: "max", ...all }, [0]);
  });
});

describe("order", () => {
  it("argsort: stable, NaN last either way", () => {
    const x = f([3, nan, 1, 3, -Infinity, nan, 1]);
    check("argsort", [x], { axis: 0, descending: false, k: 7 }, [4, 2, 6, 0, 3, 1, 5]);
    check("argsort", [x], { axis: 0, descending: true, k: 7 }, [0, 3, 2, 6, 4, 1, 5]);
    check("argsort", [x], { axis: 0, descending: true, k: 2 }, [0, 3]);
    check(
      "argsort",
      [f([2, 1, 1, 2, 3, 0], [3, 2])],
      { axis: 0, descending: false, k: 3 },
      [1, 2, 0, 0, 2, 1],
    );
    check("argsort", [u32([4294967295, 1])], { axis: 0, descending: false, k: 2 }, [1, 0]);
    check("argsort", [f([], [0])], { axis: 0, descending: false, k: 0 }, []);
  });
});

describe("structure", () => {
  it("composite and output", () => {
    met.add("composite").add("output");
    const [p, q] = [param([2]), param([2])];
    const body = { params: [p, q], outs: [b.add(p, q), b.mul(p, q)] };
    const [sum, product] = run([f([1, 2]), f([3, 4])], (x) =>
      outputsOf(b.make("composite", x, { name: "both", body })),
    );
    expect([sum, product]).toEqual([
      [4, 6],
      [3, 8],
    ]);
  });

  it.each([false, true])("loop, reverse %s", (reverse) => {
    met.add("loop");
    // carry' = carry * k + x; y = [carry, x]
    const [c, x, k] = [param([]), param([]), param([])];
    const one = (node: Node) => b.reshape(node, [1]);
    const next = b.add(b.mul(c, k), x);
    const body = { params: [c, x, k], outs: [next, b.make("concat", [one(c), one(x)], { axis: 0 })] };
    const attrs = { body, length: 3, carry: 1, xs: 1, reverse };
    const [final, ys] = run([f([1], []), f([4, 5, 6]), f([10], [])], (args) =>
      outputsOf(b.make("loop", args, attrs)),
    );
    expect(final).toEqual([reverse ? 1654 : 1456]);
    expect(ys).toEqual(reverse ? [165, 4, 16, 5, 1, 6] : [1, 4, 14, 5, 145, 6]);
  });

  it("what passes its operand on", () => {
    check("stopGradient", [f([1, 2])], {}, [1, 2]);
    check("copy", [f([1, 2])], { device: "there" }, [1, 2]);
    check("collective", [f([1, 2])], { kind: "allReduce", axis: 0 }, [1, 2]);
  });
});

it("every primitive that computes was met", () => {
  expect(allOps.filter((op) => ops[op].evaluate !== null && !met.has(op))).toEqual([]);
});
