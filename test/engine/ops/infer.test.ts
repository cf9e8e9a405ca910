import { describe, expect, it } from "vitest";
import { formatAval, type Node } from "../../../src/engine/ir/index.ts";
import { build as b, make } from "../../../src/engine/ops/index.ts";
import { DTypeError, InternalError, ShapeError } from "../../../src/util/index.ts";
import { param } from "./check.ts";

/** The message of what `build` throws, with its class. */
function message(build: () => unknown): string {
  try {
    build();
  } catch (error) {
    if (error instanceof ShapeError || error instanceof DTypeError || error instanceof InternalError) {
      return `${error.name}: ${error.message}`;
    }
    throw error;
  }
  return "no error";
}

const x23 = param([2, 3]);
const i23 = param([2, 3], "i32");
const avals = (...nodes: Node[]) => nodes.map(({ aval }) => formatAval(aval)).join(" ");
const pool = { window: [2], stride: [1], padding: [[0, 0]] as const, dilation: [1] };
const conv = { stride: [1], padding: [[0, 0]] as const, dilation: [1], groups: 1 };

describe("avals", () => {
  it("of results", () => {
    const key = param([2], "u32");
    const some = [
      make("random", [key], {}, [4]),
      make("lt", [x23, x23], {}),
      make("where", [param([2], "bool"), param([2], "bf16"), param([2], "bf16")], {}),
      make("cast", [x23], { dtype: "i8" }),
      make("cast", [x23], { dtype: "u8" }),
      make("reduce", [x23], { kind: "sum", axes: [0] }),
      make("argReduce", [x23], { kind: "max", axis: 1 }),
      make("cumulate", [i23], { kind: "max", axis: 1, reverse: true }),
      make("gather", [param([5, 6], "i8"), i23], { axis: 1, along: false }),
      make("matmul", [param([7, 3, 2]), param([7, 4, 3])], { transposeA: true, transposeB: true }),
      make("argsort", [x23], { axis: 1, descending: true, k: 2 }),
      make("argWindow", [param([5])], { kind: "max", ...pool }),
      make("concat", [x23, x23], { axis: 0 }),
    ];
    expect(avals(...some)).toMatchInlineSnapshot(
      `"u32[4] bool[2,3] bf16[2] i8[2,3] u8[2,3] f32[3] i32[2] i32[2,3] i8[5,2,3] f32[7,2,4] i32[2,2] i32[4] f32[4,3]"`,
    );
  });

  it("sizes of windows: dilation, padding, stride; never negative", () => {
    const size = (n: number, window: number, stride: number, lo: number, hi: number, dilation: number) =>
      make("reduceWindow", [param([n])], {
        kind: "sum",
        window: [window],
        stride: [stride],
        padding: [[lo, hi]],
        dilation: [dilation],
      }).aval.shape[0];
    expect(size(5, 3, 2, 1, 1, 1)).toBe(3);
    expect(size(9, 3, 2, 2, 0, 3)).toBe(3);
    expect(size(2, 3, 1, 0, 0, 1)).toBe(0);
    expect(size(0, 1, 1, 0, 0, 1)).toBe(0);
  });
});

describe("errors", () => {
  it("of leaves", () => {
    expect(message(() => make("const", [], { value: 0.5 }, [2], "i32"))).toMatchInlineSnapshot(
      `"DTypeError: const: a value of dtype i32 must be an integer in [-2147483648,2147483647]; got 0.5. Use dtype "f32"."`,
    );
    expect(message(() => make("iota", [], { axis: 1 }, [2], "i32"))).toMatchInlineSnapshot(
      `"ShapeError: iota: axis must be an integer in [0, 1); got 1."`,
    );
    expect(message(() => make("iota", [], { axis: 0 }, [2], "bool"))).toMatchInlineSnapshot(
      `"DTypeError: iota: dtype must be f32, i32 or u32; got bool[2]. Cast with .astype("i32")."`,
    );
    expect(message(() => make("random", [param([2])], {}, [2]))).toMatchInlineSnapshot(
      `"ShapeError: random: the key must be u32[2]; got f32[2]. Make one with random.key(seed)."`,
    );
    expect(message(() => make("input", [], {}, [-1], "f32"))).toMatchInlineSnapshot(
      `"ShapeError: input: sizes must be integers >= 0; got [-1]."`,
    );
  });

  it("of scalars", () => {
    expect(message(() => b.exp(i23))).toMatchInlineSnapshot(
      `"DTypeError: exp: dtype must be f32; got i32[2,3]. Cast with .astype("f32")."`,
    );
    expect(message(() => b.add(param([2], "f16"), param([2], "f16")))).toMatchInlineSnapshot(
      `"DTypeError: add: dtype must be f32, i32 or u32; got f16[2] and f16[2]. Cast with .astype("f32")."`,
    );
    expect(message(() => b.add(param([2], "bool"), param([2], "bool")))).toMatchInlineSnapshot(
      `"DTypeError: add: dtype must be f32, i32 or u32; got bool[2] and bool[2]. Cast with .astype("i32")."`,
    );
    expect(message(() => b.add(x23, i23))).toMatchInlineSnapshot(
      `"DTypeError: add: dtypes must be equal; got f32[2,3] and i32[2,3]. Cast one with .astype(...)."`,
    );
    expect(message(() => b.add(x23, param([3])))).toMatchInlineSnapshot(
      `"ShapeError: add: shapes must be equal; got f32[2,3] and f32[3]. Expand them first."`,
    );
    expect(message(() => make("shiftLeft", [x23, x23], {}))).toMatchInlineSnapshot(
      `"DTypeError: shiftLeft: dtype must be i32 or u32; got f32[2,3] and f32[2,3]. Cast with .astype("i32")."`,
    );
    expect(message(() => b.where(x23, x23, x23))).toMatchInlineSnapshot(
      `"DTypeError: where: the condition must be bool; got f32[2,3]. Compare it first, as in x.ne(0)."`,
    );
    expect(message(() => make("exp", [x23, x23], {}))).toMatchInlineSnapshot(
      `"InternalError: exp: takes 1 operands; got 2."`,
    );
  });

  it("of reductions", () => {
    expect(message(() => b.sum(x23, [2]))).toMatchInlineSnapshot(
      `"ShapeError: sum: axis must be an integer in [0, 2); got 2."`,
    );
    expect(message(() => b.sum(x23, [1, 1]))).toMatchInlineSnapshot(
      `"ShapeError: sum: axes must be distinct; got [1,1]."`,
    );
    expect(message(() => b.sum(param([2], "bf16"), [0]))).toMatchInlineSnapshot(
      `"DTypeError: sum: dtype must be f32, i32 or u32; got bf16[2]. Cast with .astype("f32")."`,
    );
    expect(message(() => make("argReduce", [param([2, 0])], { kind: "max", axis: 1 }))).toMatchInlineSnapshot(
      `"ShapeError: argmax: the axis must not be empty; got f32[2,0] and axis 1."`,
    );
    expect(
      message(() => make("cumulate", [param([2], "bool")], { kind: "sum", axis: 0, reverse: false })),
    ).toMatchInlineSnapshot(
      `"DTypeError: cumsum: dtype must be f32, i32 or u32; got bool[2]. Cast with .astype("i32")."`,
    );
  });

  it("of movements", () => {
    expect(message(() => b.reshape(x23, [4]))).toMatchInlineSnapshot(
      `"ShapeError: reshape: sizes must be equal; got f32[2,3] and f32[4]."`,
    );
    expect(message(() => b.permute(x23, [0, 0]))).toMatchInlineSnapshot(
      `"ShapeError: permute: axes must name each axis of the operand once; got [0,0] for f32[2,3]."`,
    );
    expect(message(() => b.expand(x23, [4, 3]))).toMatchInlineSnapshot(
      `"ShapeError: expand: ranks must be equal and only axes of size 1 may grow; got f32[2,3] and f32[4,3]."`,
    );
    expect(message(() => b.pad(x23, [-3, 0], [0, 0]))).toMatchInlineSnapshot(
      `"ShapeError: pad: negative padding must leave sizes >= 0; got f32[2,3] with lo [-3,0], hi [0,0]."`,
    );
    expect(message(() => b.pad(param([2], "u8"), [1], [0], [0], -1))).toMatchInlineSnapshot(
      `"DTypeError: pad: a value of dtype u8 must be an integer in [0,255]; got -1. Use dtype "f32"."`,
    );
    expect(message(() => b.pad(x23, [0], [0, 0]))).toMatchInlineSnapshot(
      `"ShapeError: pad: lo must hold one integer per axis (2); got [0]."`,
    );
    expect(message(() => b.pad(x23, [0, 0], [0, 0], [-1, 0]))).toMatchInlineSnapshot(
      `"ShapeError: pad: interior must hold one integer >= 0 per axis (2); got [-1,0]."`,
    );
    expect(message(() => b.slice(x23, [0, 1], [1, 2], [2, 2]))).toMatchInlineSnapshot(
      `"ShapeError: slice: elements must lie within the operand; got 1 to 3 on axis 1 of f32[2,3]."`,
    );
    expect(message(() => b.slice(x23, [0, 0], [1, 0], [1, 1]))).toMatchInlineSnapshot(
      `"ShapeError: slice: steps must not be 0; got [1,0]."`,
    );
    expect(message(() => make("concat", [], { axis: 0 }))).toMatchInlineSnapshot(
      `"ShapeError: concat: there must be at least one operand; got none."`,
    );
    expect(message(() => make("concat", [x23, param([3, 2])], { axis: 0 }))).toMatchInlineSnapshot(
      `"ShapeError: concat: shapes must be equal but on axis 0; got f32[2,3] and f32[3,2]."`,
    );
  });

  it("of indexing", () => {
    expect(message(() => b.gather(x23, x23, 0, false))).toMatchInlineSnapshot(
      `"DTypeError: gather: indices must be i32; got f32[2,3]. Cast with .astype("i32")."`,
    );
    expect(message(() => b.gather(x23, param([3, 3], "i32"), 1, true))).toMatchInlineSnapshot(
      `"ShapeError: gather: indices must have the operand's shape but on axis 1; got f32[2,3] and i32[3,3]."`,
    );
    const one = param([1], "i32");
    expect(message(() => b.scatter("add", x23, one, param([3]), 0, false))).toMatchInlineSnapshot(
      `"ShapeError: scatterAdd: updates must have the shape read there; got f32[1,3] and f32[3]."`,
    );
    const half = param([2], "f16");
    expect(message(() => b.scatter("add", half, one, param([1], "f16"), 0, false))).toMatchInlineSnapshot(
      `"DTypeError: scatterAdd: dtype must be f32, i32 or u32; got f16[2]. Cast with .astype("f32")."`,
    );
  });

  it("of contractions", () => {
    const matmul = (a: Node, c: Node, transposeA = false) =>
      message(() => make("matmul", [a, c], { transposeA, transposeB: false }));
    expect(matmul(i23, i23)).toMatchInlineSnapshot(
      `"DTypeError: matmul: dtype must be f32; got i32[2,3] and i32[2,3]. Cast with .astype("f32")."`,
    );
    expect(matmul(x23, x23)).toMatchInlineSnapshot(
      `"ShapeError: matmul: inner sizes must be equal; got f32[2,3] and f32[2,3]."`,
    );
    expect(matmul(x23, param([3, 2]), true)).toMatchInlineSnapshot(
      `"ShapeError: matmul: inner sizes must be equal (transposed: true, false); got f32[2,3] and f32[3,2]."`,
    );
    expect(matmul(x23, param([4, 3, 2]))).toMatchInlineSnapshot(
      `"ShapeError: matmul: operands must be matrices with equal batch axes; got f32[2,3] and f32[4,3,2]."`,
    );
    const image = param([1, 5, 2]);
    expect(message(() => make("conv", [image, param([3, 1, 4])], conv))).toMatchInlineSnapshot(
      `"ShapeError: conv: channels must be w's C/groups times 1 groups, which divide the outputs; got f32[1,5,2] and f32[3,1,4]."`,
    );
    expect(message(() => make("conv", [image, param([3, 3, 2, 4])], conv))).toMatchInlineSnapshot(
      `"ShapeError: conv: x must be [N, ...spatial, C] and w [...kernel, C/groups, O]; got f32[1,5,2] and f32[3,3,2,4]."`,
    );
    expect(
      message(() => make("conv", [image, param([3, 2, 4])], { ...conv, groups: 0 })),
    ).toMatchInlineSnapshot(`"ShapeError: conv: groups must be an integer >= 1; got 0."`);
    expect(
      message(() => make("conv", [image, param([3, 2, 4])], { ...conv, stride: [0] })),
    ).toMatchInlineSnapshot(`"ShapeError: conv: stride must hold one integer >= 1 per axis (1); got [0]."`);
    expect(
      message(() => make("conv", [image, param([3, 2, 4])], { ...conv, padding: [[-1, 0]] })),
    ).toMatchInlineSnapshot(
      `"ShapeError: conv: padding (before, after) must hold one integer >= 0 per axis (2); got [-1,0]."`,
    );
    expect(
      message(() => make("convInputGrad", [param([1, 4, 4]), param([3, 2, 4])], conv, [1, 5, 2])),
    ).toMatchInlineSnapshot(
      `"ShapeError: convInputGrad: the gradient must have the shape of conv(x, w); got f32[1,3,4] and f32[1,4,4]."`,
    );
    expect(message(() => make("conv", [image, param([0, 2, 4])], conv))).toMatchInlineSnapshot(
      `"ShapeError: conv: windows must be at least 1 wide; got 0."`,
    );
  });

  it("of windows and order", () => {
    expect(message(() => make("reduceWindow", [i23], { kind: "sum", ...pool }))).toMatchInlineSnapshot(
      `"DTypeError: sumWindow: dtype must be f32; got i32[2,3]. Cast with .astype("f32")."`,
    );
    expect(message(() => make("reduceWindow", [x23], { kind: "sum", ...pool }))).toMatchInlineSnapshot(
      `"ShapeError: sumWindow: window must hold one integer >= 1 per axis (2); got [2]."`,
    );
    expect(message(() => make("argsort", [x23], { axis: 1, descending: false, k: 4 }))).toMatchInlineSnapshot(
      `"ShapeError: argsort: k must be an integer in [0, 3]; got 4 for f32[2,3]."`,
    );
  });

  it("of structure", () => {
    const [p] = [param([2])];
    const body = { params: [p], outs: [b.exp(p)] };
    const loop = { body, length: 3, carry: 1, xs: 0, reverse: false };
    expect(message(() => make("composite", [x23], { name: "softmax", body }))).toMatchInlineSnapshot(
      `"ShapeError: softmax: arguments must match the body's parameters (f32[2]); got f32[2,3]."`,
    );
    expect(
      message(() => make("composite", [p], { name: "softmax", body: { params: [p], outs: [] } })),
    ).toMatchInlineSnapshot(`"ShapeError: softmax: the body must have a result; got none."`);
    expect(message(() => make("loop", [p], { ...loop, length: -1 }))).toMatchInlineSnapshot(
      `"ShapeError: loop: length must be an integer >= 0; got -1."`,
    );
    expect(
      message(() => make("loop", [p], { ...loop, body: { params: [p], outs: [b.sum(p, [0])] } })),
    ).toMatchInlineSnapshot(
      `"ShapeError: loop: the body must give back the carry (f32[2]) first; got f32[]."`,
    );
    expect(message(() => make("loop", [param([4, 2])], { ...loop, carry: 0, xs: 1 }))).toMatchInlineSnapshot(
      `"ShapeError: loop: axis 0 of what is scanned must have 3 elements; got f32[4,2]."`,
    );
    expect(message(() => make("output", [make("loop", [p], loop)], { index: 1 }))).toMatchInlineSnapshot(
      `"ShapeError: output: index must be in [0, 1); got 1."`,
    );
    expect(
      message(() => make("collective", [param([2], "bool")], { kind: "allReduce", axis: 0 })),
    ).toMatchInlineSnapshot(
      `"DTypeError: allReduce: dtype must be f32, i32 or u32; got bool[2]. Cast with .astype("i32")."`,
    );
  });
});
