/** Points and graphs at which derivative rules are tested: one or more for every primitive that has a rule. */
import type { ConvAttrs, Node, Op, PadPair, WindowAttrs } from "../../src/engine/ir/index.ts";
import { build as b, outputsOf, scalarRows, vjps } from "../../src/engine/ops/index.ts";
import type { Shape } from "../../src/util/index.ts";
import { type Case, close } from "./case.ts";
import { scalarOps } from "./cases/scalar.ts";
import { random } from "./data.ts";
import { gradientGraph, type Smooth } from "./derivative.ts";
import { encode } from "./host.ts";
import { Random, seedOf } from "./prng.ts";

/** Distinct values at least 0.1 apart in random order: no tie, and no extreme that a small step changes. */
function distinct(name: string, shape: Shape) {
  const rng = new Random(seedOf(name));
  const size = shape.reduce((product, dim) => product * dim, 1);
  const values = Array.from({ length: size }, (_, i) => (i - size / 2) * 0.1 + 0.05);
  for (let i = size - 1; i > 0; i--) {
    const j = rng.integer(0, i + 1);
    [values[i], values[j]] = [values[j] as number, values[i] as number];
  }
  return encode(values, shape, "f32");
}

const one = (name: string, inputs: Smooth["inputs"], build: (...params: Node[]) => Node): Smooth => ({
  name,
  inputs,
  build: (params) => [build(...params)],
});

/** Where a scalar primitive is smooth; null: it has no rule. */
function scalarPoints(op: (typeof scalarOps)[number]): Smooth[] {
  const { arity, vjp } = scalarRows[op];
  if (vjp === null) return [];
  const positive = op === "log" || op === "sqrt" || op === "pow" || op === "div";
  const [low, high] = positive ? [0.5, 3] : [-2, 2];
  const make = (...params: Node[]) => b.make(op, params, {});
  if (op === "where") {
    const inputs = [random("condition", [23], "bool"), random("yes", [23]), random("no", [23])];
    return [one("where", inputs, make)];
  }
  if (op === "max" || op === "min") {
    const inputs = [distinct(`${op}0`, [23]), distinct(`${op}1`, [23])];
    return [one(op, inputs, (x, y) => make(x, b.add(y, b.fill(y, 0.03))))];
  }
  const inputs = Array.from({ length: arity }, (_, i) => random(`smooth${op}${i}`, [23], "f32", low, high));
  return [one(op, inputs, make)];
}

const conv = (x: Shape, w: Shape, attrs: ConvAttrs): Smooth[] => {
  const y = b.make("conv", [b.make("input", [], {}, x, "f32"), b.make("input", [], {}, w, "f32")], attrs).aval
    .shape;
  return [
    one("conv", [random("x", x), random("w", w)], (p, q) => b.make("conv", [p, q], attrs)),
    one("convInputGrad", [random("y", y), random("w", w)], (p, q) =>
      b.make("convInputGrad", [p, q], attrs, x),
    ),
    one("convFilterGrad", [random("x", x), random("y", y)], (p, q) =>
      b.make("convFilterGrad", [p, q], attrs, w),
    ),
  ];
};

const pairs = (...list: PadPair[]): PadPair[] => list;
const windowed: WindowAttrs = {
  window: [2, 3],
  stride: [1, 2],
  padding: pairs([0, 1], [1, 1]),
  dilation: [2, 1],
};

const graphOf = (shapes: readonly Shape[], body: (...params: Node[]) => readonly Node[]) => {
  const params = shapes.map((shape) => b.make("input", [], {}, shape, "f32"));
  return { params, outs: body(...params) };
};

const others: readonly Smooth[] = [
  one("cast", [random("cast", [7])], (x) => b.cast(x, "f32")),
  ...(["sum", "max", "min", "prod"] as const).flatMap((kind) =>
    [[0], [1], [0, 2], [0, 1, 2]].map((axes) =>
      one("reduce", [distinct(`${kind}${axes}`, [3, 4, 2])], (x) => b.make("reduce", [x], { kind, axes })),
    ),
  ),
  one("reduce", [encode([1, 2, 0, 3, 0, 0, 4, 5], [4, 2], "f32")], (x) =>
    b.make("reduce", [x], { kind: "prod", axes: [0] }),
  ),
  ...(["sum", "max", "prod"] as const).flatMap((kind) =>
    [false, true].flatMap((reverse) =>
      [0, 1].map((axis) =>
        one("cumulate", [distinct(`cum${kind}${axis}`, [4, 3])], (x) =>
          b.make("cumulate", [x], { kind, axis, reverse }),
        ),
      ),
    ),
  ),
  one("reshape", [random("r", [3, 4])], (x) => b.reshape(x, [2, 6])),
  one("permute", [random("p", [2, 3, 4])], (x) => b.permute(x, [2, 0, 1])),
  one("expand", [random("e", [3, 1, 2])], (x) => b.expand(x, [3, 4, 2])),
  one("pad", [random("pad", [4, 5])], (x) => b.pad(x, [1, -1], [-2, 2], [2, 1], 3)),
  one("slice", [random("s", [7, 5])], (x) => b.slice(x, [6, 1], [-2, 3], [3, 2])),
  one("concat", [random("k0", [2, 3]), random("k1", [2, 1]), random("k2", [2, 2])], (...xs) =>
    b.make("concat", xs, { axis: 1 }),
  ),
  one("gather", [random("g", [5, 3]), encode([4, 0, 0, 9, -1, 2], [2, 3], "i32")], (x, i) => {
    const out = b.gather(x, i, 0, false);
    const lost = b.fill(out, 0);
    // What is out of range reads NaN, which no difference survives.
    return b.where(b.eq(out, out), out, lost);
  }),
  one("gather", [random("ga", [4, 3]), encode([3, 0, 0, 1, 2, 2], [2, 3], "i32")], (x, i) =>
    b.gather(x, i, 0, true),
  ),
  ...(["add", "set"] as const).flatMap((mode) => [
    one("scatter", [random("b", [5, 2]), encode([4, 0, 9], [3], "i32"), random("u", [3, 2])], (x, i, u) =>
      b.scatter(mode, x, i, u, 0, false),
    ),
    one(
      "scatter",
      [random("b", [4, 3]), encode([3, 0, 1, -1, 2, 2], [2, 3], "i32"), random("u", [2, 3])],
      (x, i, u) => b.scatter(mode, x, i, u, 0, true),
    ),
  ]),
  one("scatter", [random("b", [5]), encode([1, 1, 1, 3], [4], "i32"), random("u", [4])], (x, i, u) =>
    b.scatter("add", x, i, u, 0, false),
  ),
  one("scatter", [random("b", [5]), encode([1, 1, 1, 3], [4], "i32"), random("u", [4])], (x, i, u) =>
    b.scatter("set", x, i, u, 0, false),
  ),
  ...[false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) =>
      one(
        "matmul",
        [random("ma", transposeA ? [2, 4, 3] : [2, 3, 4]), random("mb", transposeB ? [2, 5, 4] : [2, 4, 5])],
        (x, y) => b.make("matmul", [x, y], { transposeA, transposeB }),
      ),
    ),
  ),
  ...conv([2, 6, 2], [3, 2, 3], { stride: [2], padding: pairs([1, 1]), dilation: [1], groups: 1 }),
  ...conv([1, 5, 4, 4], [3, 2, 2, 2], {
    stride: [1, 2],
    padding: pairs([1, 0], [0, 1]),
    dilation: [1, 2],
    groups: 2,
  }),
  ...(["sum", "max"] as const).map((kind) =>
    one("reduceWindow", [distinct(`rw${kind}`, [5, 6])], (x) =>
      b.make("reduceWindow", [x], { ...windowed, kind }),
    ),
  ),
  one("collective", [random("c", [4])], (x) =>
    b.make("collective", [b.mul(x, x)], { kind: "allReduce", axis: 0 }),
  ),
  {
    name: "composite",
    inputs: [random("c0", [4]), random("c1", [4])],
    build: (params) =>
      outputsOf(
        b.make("composite", params, {
          name: "pair",
          body: graphOf([[4], [4]], (x, y) => [b.mul(x as Node, y as Node), b.exp(x as Node)]),
        }),
      ),
  },
  {
    name: "composite",
    inputs: [random("c0", [4]), random("c1", [4])],
    build: (params) =>
      outputsOf(
        b.make("composite", params, {
          name: "recomputed",
          recompute: true,
          body: graphOf([[4], [4]], (x, y) => [b.tanh(b.mul(x as Node, y as Node)), b.exp(x as Node)]),
        }),
      ),
  },
  ...[false, true].map(
    (reverse): Smooth => ({
      name: "loop",
      inputs: [random("l0", [3]), random("l1", [4, 3]), random("l2", [3])],
      build: (params) =>
        outputsOf(
          b.make("loop", params, {
            body: graphOf([[3], [3], [3]], (c, x, w) => {
              const next = b.tanh(b.add(b.mul(c as Node, w as Node), x as Node));
              return [next, b.mul(next, x as Node)];
            }),
            length: 4,
            carry: 1,
            xs: 1,
            reverse,
          }),
        ),
    }),
  ),
];

/** Primitives whose rule needs no point here: `output` passes on, `copy` crosses devices (copy.test.ts). */
const elsewhere: readonly Op[] = ["output", "copy"];

export const smoothCases: readonly Smooth[] = [...scalarOps.flatMap(scalarPoints), ...others];

/** The gradients of those graphs, to be computed by devices; the rules themselves are compared with differences. */
export const gradientCases = (): Case[] =>
  smoothCases.map((smooth, i) => ({
    name: `gradient of ${smooth.name} (${i})`,
    ...gradientGraph(smooth),
    tolerance: close(3e-6),
  }));

/** Primitives with a rule and no point: must be none. */
export const untested = (Object.keys(vjps) as Op[]).filter(
  (op) => vjps[op] !== null && !elsewhere.includes(op) && !smoothCases.some(({ name }) => name === op),
);
