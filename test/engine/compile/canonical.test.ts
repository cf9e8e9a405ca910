import { describe, expect, test } from "vitest";
import { canonicalise } from "../../../src/engine/compile/canonical/index.ts";
import { type Node, topologicalOrder } from "../../../src/engine/ir/index.ts";
import { build as b, make, outputsOf } from "../../../src/engine/ops/index.ts";

const caps = { composites: new Set<string>(), maxBuffersPerKernel: 64, segments: true };
const input = (...shape: number[]): Node => make("input", [], {}, shape, "f32");

/** The graph as text: `add(x0, 2)`. */
function text(outputs: readonly Node[], leaves: readonly Node[]): string[] {
  const print = (node: Node): string => {
    const leaf = leaves.indexOf(node);
    if (leaf >= 0) return `x${leaf}`;
    if (node.op === "const") return Object.is(node.attrs.value, -0) ? "-0" : String(node.attrs.value);
    const attrs = Object.values(node.attrs).filter(
      (value) => typeof value !== "object" || Array.isArray(value),
    );
    const own = attrs.length > 0 ? `<${attrs.map((value) => JSON.stringify(value)).join(" ")}>` : "";
    return `${node.op}${own}(${node.src.map(print).join(", ")})`;
  };
  return outputs.map(print);
}

function canonical(leaves: readonly Node[], ...outputs: Node[]): string[] {
  const result = canonicalise(leaves, outputs, caps);
  return text(result.outputs, result.leaves);
}

describe("arithmetic", () => {
  const x = input(4);
  const y = input(4);
  const c = (value: number) => b.fill(x, value);

  test("only identities that hold for NaN, infinities and -0", () => {
    const same = [
      b.mul(x, c(1)),
      b.sub(x, c(0)),
      b.add(x, c(-0)),
      b.div(x, c(1)),
      b.pow(x, c(1)),
      b.max(x, x),
    ];
    expect(canonical([x], ...same)).toEqual(same.map(() => "x0"));
    expect(canonical([x], b.add(x, c(0)), b.sub(x, c(-0)), b.mul(x, c(0)), b.sub(x, x), b.div(x, x))).toEqual(
      ["add(x0, 0)", "sub(x0, -0)", "mul(x0, 0)", "sub(x0, x0)", "div(x0, x0)"],
    );
  });

  test("division by a constant stays, but for powers of two", () => {
    expect(canonical([x], b.div(x, c(8)), b.div(x, c(3)), b.div(x, c(0)), b.div(x, c(2 ** 126)))).toEqual([
      "mul(x0, 0.125)",
      "div(x0, 3)",
      "div(x0, 0)",
      `div(x0, ${2 ** 126})`,
    ]);
  });

  test("signs", () => {
    expect(
      canonical([x, y], b.add(x, b.neg(y)), b.sub(x, b.neg(y)), b.neg(b.neg(x)), b.neg(b.mul(x, c(3)))),
    ).toEqual(["sub(x0, x1)", "add(x0, x1)", "x0", "mul(x0, -3)"]);
  });

  test("constants fold as the device computes", () => {
    const i = (value: number) => make("const", [], { value }, [2], "i32");
    expect(
      canonical(
        [],
        b.div(c(1), c(0)),
        b.div(c(0), c(0)),
        b.add(c(0.1), c(0.2)),
        b.div(i(-7), i(2)),
        b.div(i(1), i(0)),
        b.cast(c(-2.7), "i32"),
      ),
    ).toEqual(["Infinity", "NaN", String(Math.fround(Math.fround(0.1) + Math.fround(0.2))), "-3", "0", "-2"]);
    // What a device makes of NaN as an integer is left to it.
    expect(canonical([], b.cast(c(Number.NaN), "i32"))).toEqual(['cast<"i32">(NaN)']);
  });

  test("equal work is shared", () => {
    const [one, two] = [b.exp(b.add(x, c(2))), b.exp(b.add(x, c(2)))];
    const { outputs } = canonicalise([x], [b.add(one, two)], caps);
    expect(topologicalOrder(outputs).map((node) => node.op)).toEqual(["input", "const", "add", "exp", "add"]);
    // 0 and -0 are not equal work.
    expect(canonical([x], b.div(x, c(0)), b.div(x, c(-0)))).toEqual(["div(x0, 0)", "div(x0, -0)"]);
  });
});

describe("movement", () => {
  const x = input(2, 3);

  test("chains become one step or none", () => {
    const slice = (node: Node, start: number[], step: number[], shape: number[]) =>
      make("slice", [node], { start, step }, shape);
    expect(
      canonical(
        [x],
        b.reshape(b.reshape(x, [6]), [2, 3]),
        b.permute(b.permute(x, [1, 0]), [1, 0]),
        b.permute(b.reshape(x, [2, 1, 3]), [1, 0, 2]),
        slice(slice(x, [0, 2], [1, -1], [2, 3]), [0, 2], [1, -1], [2, 3]),
        slice(make("concat", [x, x], { axis: 0 }), [2, 0], [1, 1], [2, 3]),
        slice(
          make("pad", [x], { lo: [1, 0], hi: [0, 0], interior: [0, 0], value: 0 }),
          [1, 0],
          [1, 1],
          [2, 3],
        ),
      ),
    ).toEqual(["x0", "x0", "reshape(x0)", "x0", "x0", "x0"]);
  });

  test("padding is split from cropping", () => {
    const all = make("pad", [x], { lo: [1, -1], hi: [0, 2], interior: [0, 1], value: 7 });
    expect(canonical([x], all)).toEqual(["slice<[0,1] [1,1]>(pad<[1,0] [0,2] [0,1] 7>(x0))"]);
  });

  test("an index along one axis is the index of a line", () => {
    expect(canonical([], make("iota", [], { axis: 1 }, [2, 3], "i32"))).toEqual([
      "expand(reshape(iota<0>()))",
    ]);
    expect(canonical([], make("iota", [], { axis: 0 }, [1, 3], "i32"))).toEqual(["0"]);
  });
});

describe("sizes 0 and 1", () => {
  test("nothing is computed for no elements", () => {
    const [empty, x] = [input(0, 3), input(2, 3)];
    const product = make("matmul", [input(2, 0), empty], { transposeA: false, transposeB: false });
    const [left] = product.src as [Node];
    expect(
      canonical(
        [empty, x, left],
        b.exp(empty),
        make("reduce", [empty], { kind: "sum", axes: [0] }),
        make("reduce", [empty], { kind: "max", axes: [0] }),
        make("reduce", [empty], { kind: "prod", axes: [0, 1] }),
        make("matmul", [left, empty], { transposeA: false, transposeB: false }),
        make("concat", [empty, x], { axis: 0 }),
      ),
    ).toEqual(["0", "0", "-Infinity", "1", "0", "x1"]);
  });

  test("reducing one element is a reshape", () => {
    const x = input(4, 1);
    expect(
      canonical(
        [x],
        make("reduce", [x], { kind: "sum", axes: [1] }),
        make("argReduce", [x], { kind: "max", axis: 1 }),
      ),
    ).toEqual(["reshape(x0)", "0"]);
  });
});

describe("small products", () => {
  const product = (x: Node, y: Node, transposeA = false, transposeB = false) =>
    make("matmul", [x, y], { transposeA, transposeB });

  test("two rows are a sum of products, also in batches", () => {
    const [x, y, z] = [input(1, 5), input(5, 1), input(1, 5)];
    const sum = (rows: string) => `reshape(reduce<"sum" [0]>(mul(${rows})))`;
    expect(
      canonical([x, y, z], product(x, y), product(x, z, false, true), product(y, z, true, true)),
    ).toEqual([
      sum("reshape(x0), reshape(x1)"),
      sum("reshape(x0), reshape(x2)"),
      sum("reshape(x1), reshape(x2)"),
    ]);
    const [many, others] = [input(3, 1, 5), input(3, 5, 1)];
    expect(canonical([many, others], product(many, others))).toEqual([
      'reshape(reduce<"sum" [1]>(mul(reshape(x0), reshape(x1))))',
    ]);
  });

  test("a number times a row is elementwise; larger products stay", () => {
    const [x, y, one] = [input(1, 5), input(5, 1), input(1, 1)];
    expect(
      canonical([x, y, one], product(one, x), product(y, one), product(one, y, true, true), product(y, x)),
    ).toEqual([
      "mul(expand(x2), x0)",
      "mul(x1, expand(x2))",
      "mul(expand(x2), reshape(x1))",
      "matmul<false false>(x1, x0)",
    ]);
  });
});

describe("structure", () => {
  test("composites are inlined unless the device has them", () => {
    const p = input(3);
    const body = { params: [p], outs: [b.exp(p), b.neg(p)] };
    const x = input(3);
    const outer = input(3);
    const [first, second] = outputsOf(make("composite", [outer], { name: "pair", body, params: {} })) as [
      Node,
      Node,
    ];
    const nested = make("composite", [x], {
      name: "whole",
      body: { params: [outer], outs: [b.add(first, second)] },
    });
    expect(canonical([x], nested)).toEqual(["add(exp(x0), mul(x0, -1))"].map(() => "sub(exp(x0), x0)"));
    const kept = canonicalise([x], [nested], { ...caps, composites: new Set(["pair"]) });
    const output = (index: number) => `output<${index}>(composite<"pair">(x0))`;
    expect(text(kept.outputs, kept.leaves)).toEqual([`add(${output(0)}, ${output(1)})`]);
  });

  test("stopGradient and copies on the device vanish; a loop that never runs gives its start", () => {
    const x = input(3);
    const carry = input(3);
    const body = { params: [carry], outs: [b.exp(carry)] };
    const loop = make("loop", [x], { body, length: 0, carry: 1, xs: 0, reverse: false });
    const copy = make("copy", [x], { device: "cpu" });
    expect(canonical([x], make("stopGradient", [copy], {}), loop)).toEqual(["x0", "x0"]);
  });

  test("a loop that runs once is its body", () => {
    const [start, xs, fixed] = [input(3), input(1, 3), input(3)];
    const [carry, x, c] = [input(3), input(3), input(3)];
    const body = { params: [carry, x, c], outs: [b.add(carry, x), b.mul(carry, c)] };
    const outs = outputsOf(
      make("loop", [start, xs, fixed], { body, length: 1, carry: 1, xs: 1, reverse: true }),
    );
    expect(canonical([start, xs, fixed], ...outs)).toEqual(["add(x0, reshape(x1))", "reshape(mul(x0, x2))"]);
  });
});
