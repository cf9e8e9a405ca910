/** Differentiable graphs, by the primitive they exercise. */
import type { Attrs, Graph, Node, Op } from "../../../src/engine/ir/index.ts";
import { build as b, outputsOf } from "../../../src/engine/ops/index.ts";
import { bools, floats, type Input, ints, param } from "./check.ts";

export interface Case {
  readonly op: Op;
  readonly name: string;
  readonly inputs: readonly Input[];
  readonly build: (x: readonly Node[]) => readonly Node[];
  /** How many derivatives exist and are checked. */
  readonly order: number;
}

const cases: Case[] = [];
const at = (x: readonly Node[], i: number): Node => x[i] as Node;

function add(
  op: Op,
  name: string,
  inputs: readonly Input[],
  build: (x: readonly Node[]) => Node | Node[],
  order = 2,
) {
  cases.push({ op, name, inputs, build: (x) => [build(x)].flat(), order });
}

// Scalars
const positive = floats([2, 3], 2, 0.3, 2);
for (const op of ["exp", "sin", "tanh", "erf"] as const)
  add(op, "", [floats([2, 3])], (x) => b[op](at(x, 0)));
for (const op of ["log", "sqrt"] as const) add(op, "", [positive], (x) => b[op](at(x, 0)));
for (const op of ["add", "sub", "mul"] as const) {
  add(op, "", [floats([2, 3], 1), floats([2, 3], 2)], (x) => b[op](at(x, 0), at(x, 1)));
}
add("div", "", [floats([2, 3]), positive], (x) => b.div(at(x, 0), at(x, 1)));
add("pow", "positive base", [positive, floats([2, 3])], (x) => b.pow(at(x, 0), at(x, 1)));
add("pow", "negative base, whole exponents", [{ shape: [4], data: [-1.5, -0.5, 2, 0] }], (x) =>
  b.add(b.pow(at(x, 0), b.fill(at(x, 0), 3)), b.pow(at(x, 0), b.fill(at(x, 0), 2))),
);
for (const op of ["max", "min"] as const) {
  add(op, "", [floats([2, 3], 1), floats([2, 3], 2)], (x) => b[op](b.mul(at(x, 0), at(x, 0)), at(x, 1)));
}
add("where", "", [bools([4], [1, 0, 1, 0]), floats([4], 1), floats([4], 2)], (x) =>
  b.where(at(x, 0), b.mul(at(x, 1), at(x, 2)), b.exp(at(x, 2))),
);
add("cast", "to the same and through f16", [floats([3])], (x) =>
  b.make("cast", [at(x, 0)], { dtype: "f32" }),
);
add("mul", "an operand twice", [floats([3])], (x) => b.mul(at(x, 0), at(x, 0)));

// Reductions
const square = (x: Node) => b.mul(x, x);
for (const kind of ["sum", "max", "min", "prod"] as const) {
  for (const axes of [[0], [1], [0, 2], [0, 1, 2], []]) {
    const reduced = (x: readonly Node[]) => b.make("reduce", [square(at(x, 0))], { kind, axes });
    add("reduce", `${kind} over [${axes}]`, [floats([2, 3, 2], 3)], reduced);
  }
  add("reduce", `${kind} of nothing`, [floats([0, 3])], (x) =>
    b.make("reduce", [at(x, 0)], { kind, axes: [1] }),
  );
}
add(
  "reduce",
  "prod with one zero",
  [{ shape: [4], data: [2, 0, 3, -1] }],
  (x) => b.make("reduce", [at(x, 0)], { kind: "prod", axes: [0] }),
  3,
);
add(
  "reduce",
  "prod with two zeros",
  [{ shape: [2, 3], data: [2, 0, 0, 1, 2, 3] }],
  (x) => b.make("reduce", [at(x, 0)], { kind: "prod", axes: [1] }),
  3,
);
for (const kind of ["sum", "max", "prod"] as const) {
  for (const reverse of [false, true]) {
    for (const [shape, axis] of [
      [[5], 0],
      [[2, 3, 2], 1],
      [[2, 0], 1],
      [[3, 1], 1],
    ] as const) {
      add(
        "cumulate",
        `${kind} [${shape}] axis ${axis}${reverse ? " reversed" : ""}`,
        [floats(shape, 4)],
        (x) => b.make("cumulate", [square(at(x, 0))], { kind, axis, reverse }),
      );
    }
  }
}
for (const reverse of [false, true]) {
  add(
    "cumulate",
    `prod with zeros${reverse ? " reversed" : ""}`,
    [{ shape: [6], data: [2, 0, 3, 0, -1, 2] }],
    (x) => b.make("cumulate", [at(x, 0)], { kind: "prod", axis: 0, reverse }),
    3,
  );
}

// Movements
add("reshape", "", [floats([2, 3])], (x) => b.reshape(square(at(x, 0)), [3, 2]));
add("permute", "", [floats([2, 3, 2])], (x) => b.permute(square(at(x, 0)), [2, 0, 1]));
add("expand", "", [floats([2, 1, 3])], (x) => b.expand(square(at(x, 0)), [2, 4, 3]));
add("expand", "two axes", [floats([1, 2, 1])], (x) => b.expand(square(at(x, 0)), [3, 2, 2]));
add("expand", "to nothing", [floats([1, 2])], (x) => b.expand(at(x, 0), [0, 2]));
for (const [name, lo, hi, interior, shape] of [
  ["", [1, 0], [0, 2], [0, 0], [2, 3]],
  ["interior", [1, 2], [0, 0], [2, 1], [2, 3]],
  ["negative", [-1, 1], [0, -2], [0, 0], [3, 4]],
  ["interior and negative", [-1, -2], [-1, 1], [1, 2], [3, 3]],
  ["cropped to nothing", [-2, 0], [0, 0], [0, 0], [2, 3]],
  ["of nothing", [1, 1], [1, 0], [0, 0], [0, 2]],
] as const) {
  add("pad", name, [floats(shape, 5)], (x) => b.pad(square(at(x, 0)), lo, hi, interior, 3));
}
for (const [name, start, step, out, shape] of [
  ["", [1, 0], [1, 1], [2, 2], [3, 3]],
  ["steps", [0, 1], [2, 3], [2, 2], [4, 6]],
  ["negative steps", [3, 4], [-1, -2], [4, 3], [4, 5]],
  ["mixed", [2, 0], [-2, 2], [2, 2], [3, 4]],
  ["one", [2, 1], [5, -3], [1, 1], [4, 4]],
  ["nothing", [0, 0], [1, 1], [0, 2], [4, 4]],
] as const) {
  add("slice", name, [floats(shape, 6)], (x) => b.slice(square(at(x, 0)), start, step, out));
}
add("concat", "", [floats([2, 1], 1), floats([2, 3], 2), floats([2, 0], 3)], (x) =>
  b.make("concat", [...x.map(square), at(x, 1)], { axis: 1 }),
);

// Indexing
const taken = ints([2, 2], [1, 0, 1, 2]);
add("gather", "take", [floats([3, 2]), taken], (x) => b.gather(square(at(x, 0)), at(x, 1), 0, false));
add("gather", "take, inner axis", [floats([2, 3, 2]), ints([4], [2, 2, 0, 1])], (x) =>
  b.gather(square(at(x, 0)), at(x, 1), 1, false),
);
add("gather", "take at a scalar", [floats([3, 2]), ints([], [2])], (x) =>
  b.gather(square(at(x, 0)), at(x, 1), 0, false),
);
add("gather", "along", [floats([2, 3]), ints([2, 2], [0, 2, 1, 1])], (x) =>
  b.gather(square(at(x, 0)), at(x, 1), 1, true),
);
for (const mode of ["add", "set"] as const) {
  const scatter = (axis: number, along: boolean) => (x: readonly Node[]) =>
    b.scatter(mode, square(at(x, 0)), at(x, 1), square(at(x, 2)), axis, along);
  add("scatter", `${mode} take`, [floats([3, 2]), taken, floats([2, 2, 2], 8)], scatter(0, false));
  add(
    "scatter",
    `${mode} out of range`,
    [floats([3]), ints([4], [0, 7, -1, 0]), floats([4], 8)],
    scatter(0, false),
  );
  add(
    "scatter",
    `${mode} inner axis`,
    [floats([2, 3, 2]), ints([2], [2, 2]), floats([2, 2, 2], 8)],
    scatter(1, false),
  );
  add(
    "scatter",
    `${mode} along`,
    [floats([2, 3]), ints([2, 2], [0, 0, 1, 2]), floats([2, 2], 8)],
    scatter(1, true),
  );
}

// Contractions
for (const transposeA of [false, true]) {
  for (const transposeB of [false, true]) {
    for (const batch of [[], [2], [2, 1]]) {
      const a = [...batch, ...(transposeA ? [3, 2] : [2, 3])];
      const c = [...batch, ...(transposeB ? [4, 3] : [3, 4])];
      add(
        "matmul",
        `${transposeA}, ${transposeB}, batch [${batch}]`,
        [floats(a, 1), floats(c, 2)],
        (x) => b.make("matmul", [at(x, 0), at(x, 1)], { transposeA, transposeB }),
        3,
      );
    }
  }
}
add("matmul", "of nothing", [floats([2, 0], 1), floats([0, 3], 2)], (x) =>
  b.make("matmul", [at(x, 0), at(x, 1)], { transposeA: false, transposeB: false }),
);
type Conv = Attrs["conv"];
const convs: [string, number[], number[], Conv][] = [
  ["1d", [2, 5, 2], [3, 2, 2], { stride: [1], padding: [[1, 1]], dilation: [1], groups: 1 }],
  [
    "stride and dilation",
    [1, 7, 5, 1],
    [2, 3, 1, 2],
    {
      stride: [2, 1],
      padding: [
        [1, 0],
        [2, 1],
      ],
      dilation: [2, 1],
      groups: 1,
    },
  ],
  [
    "groups",
    [1, 3, 3, 4],
    [2, 2, 2, 2],
    {
      stride: [2, 1],
      padding: [
        [0, 1],
        [0, 0],
      ],
      dilation: [1, 1],
      groups: 2,
    },
  ],
  ["depthwise", [1, 3, 2], [2, 1, 4], { stride: [1], padding: [[1, 0]], dilation: [1], groups: 2 }],
  ["no batch", [0, 3, 2], [2, 2, 3], { stride: [1], padding: [[0, 0]], dilation: [1], groups: 1 }],
  ["nothing fits", [1, 2, 1], [3, 1, 1], { stride: [1], padding: [[0, 0]], dilation: [1], groups: 1 }],
];
for (const [name, xShape, wShape, attrs] of convs) {
  const y = b.make("conv", [param(xShape), param(wShape)], attrs).aval.shape;
  add(
    "conv",
    name,
    [floats(xShape, 1), floats(wShape, 2)],
    (x) => b.make("conv", [at(x, 0), at(x, 1)], attrs),
    3,
  );
  add(
    "convInputGrad",
    name,
    [floats(y, 1), floats(wShape, 2)],
    (x) => b.make("convInputGrad", [at(x, 0), at(x, 1)], attrs, xShape),
    3,
  );
  add(
    "convFilterGrad",
    name,
    [floats(xShape, 1), floats(y, 2)],
    (x) => b.make("convFilterGrad", [at(x, 0), at(x, 1)], attrs, wShape),
    3,
  );
}

// Windows
for (const kind of ["sum", "max"] as const) {
  for (const [name, shape, attrs] of [
    [
      "2 by 2",
      [1, 4, 4, 2],
      {
        window: [1, 2, 2, 1],
        stride: [1, 2, 2, 1],
        padding: [
          [0, 0],
          [0, 0],
          [0, 0],
          [0, 0],
        ],
        dilation: [1, 1, 1, 1],
      },
    ],
    [
      "overlapping, padded",
      [5, 4],
      {
        window: [3, 2],
        stride: [2, 1],
        padding: [
          [1, 2],
          [0, 1],
        ],
        dilation: [1, 1],
      },
    ],
    ["dilated", [9], { window: [3], stride: [2], padding: [[2, 0]], dilation: [3] }],
    ["gaps", [8], { window: [2], stride: [4], padding: [[0, 0]], dilation: [1] }],
    ["wide padding", [3], { window: [2], stride: [1], padding: [[3, 4]], dilation: [1] }],
    ["nothing fits", [2], { window: [3], stride: [1], padding: [[0, 0]], dilation: [1] }],
  ] as const) {
    // Windows of padding alone are -inf, which has no finite difference.
    if (kind === "max" && name === "wide padding") continue;
    add("reduceWindow", `${kind} ${name}`, [floats(shape, 9)], (x) =>
      b.make("reduceWindow", [square(at(x, 0))], { kind, ...attrs }),
    );
  }
}

// Structure
const body = (shapes: number[][], build: (x: readonly Node[]) => Node[]): Graph => {
  const params = shapes.map((shape) => param(shape));
  return { params, outs: build(params) };
};
const two = body([[3], [3]], ([p, q]) => {
  const [x, y] = [p as Node, q as Node];
  const shared = b.mul(b.sin(x), y);
  return [b.exp(shared), b.sum(b.mul(shared, x), [0])];
});
for (const recompute of [false, true]) {
  const inputs = [floats([3], 1), floats([3], 2)];
  const name = recompute ? "recomputed" : "inlined";
  add(
    "composite",
    name,
    inputs,
    (x) => outputsOf(b.make("composite", x, { name: "two", body: two, recompute })),
    3,
  );
  add("composite", `${name}, one result used`, inputs, (x) => {
    const outs = outputsOf(b.make("composite", x, { name: "two", body: two, recompute }));
    return b.mul(at(outs, 1), at(outs, 1));
  });
  add("composite", `${name}, dependent arguments`, [floats([3], 1)], (x) =>
    outputsOf(b.make("composite", [at(x, 0), square(at(x, 0))], { name: "two", body: two, recompute })),
  );
  add("composite", `${name}, an argument twice`, [floats([3], 1)], (x) =>
    outputsOf(b.make("composite", [at(x, 0), at(x, 0)], { name: "two", body: two, recompute })),
  );
}
add("output", "", [floats([3], 1), floats([3], 2)], (x) =>
  at(outputsOf(b.make("composite", x, { name: "two", body: two })), 1),
);
// h' = tanh(W h + x), y = h' * s; also a count that no gradient flows through.
const cell = (): Graph => {
  const [h, n, x, w, s] = [param([2]), param([], "i32"), param([2]), param([2, 2]), param([])] as const;
  const wh = b.reshape(
    b.make("matmul", [w, b.reshape(h, [2, 1])], { transposeA: false, transposeB: false }),
    [2],
  );
  const next = b.tanh(b.add(wh, x));
  const y = b.mul(next, b.expand(b.reshape(s, [1]), [2]));
  return { params: [h, n, x, w, s], outs: [next, b.add(n, b.fill(n, 1)), y] };
};
for (const reverse of [false, true]) {
  for (const stacked of ["none", "before", "after"] as const) {
    for (const length of [3, 1, 0]) {
      add(
        "loop",
        `length ${length}, carries stacked: ${stacked}${reverse ? ", reversed" : ""}`,
        [floats([2], 1), ints([], [0]), floats([length, 2], 2), floats([2, 2], 3), floats([], 4)],
        (x) => {
          const { params, outs } = cell();
          const more = stacked === "none" ? [] : [at(stacked === "before" ? params : outs, 0)];
          const attrs = { body: { params, outs: [...outs, ...more] }, length, carry: 2, xs: 1, reverse };
          return outputsOf(b.make("loop", x, attrs));
        },
      );
    }
  }
}
add("loop", "a carry alone, never read by its own derivative", [floats([2], 1)], (x) => {
  const carry = param([2]);
  const attrs = { length: 4, carry: 1, xs: 0, reverse: false };
  return b.make("loop", [square(at(x, 0))], {
    body: { params: [carry], outs: [b.add(carry, carry)] },
    ...attrs,
  });
});
add("loop", "no carry: a map", [floats([3, 2], 1), floats([2], 2)], (x) => {
  const [p, k] = [param([2]), param([2])];
  const body = { params: [p, k], outs: [b.mul(square(p), k)] };
  return b.make("loop", x, { body, length: 3, carry: 0, xs: 1, reverse: false });
});
add("loop", "within a loop", [floats([2], 1), floats([2, 2, 2], 2)], (x) => {
  const step = (): Graph => {
    const [h, p] = [param([2]), param([2])];
    return { params: [h, p], outs: [b.sin(b.mul(h, p))] };
  };
  const inner = { length: 2, carry: 1, xs: 1, reverse: false };
  const [h, rows] = [param([2]), param([2, 2])];
  const outer: Graph = { params: [h, rows], outs: [b.make("loop", [h, rows], { ...inner, body: step() })] };
  return b.make("loop", x, { body: outer, ...inner });
});
add("copy", "", [floats([3])], (x) => b.make("copy", [square(at(x, 0))], { device: "there", from: "here" }));
add("copy", "to the same device", [floats([3])], (x) =>
  b.make("copy", [square(at(x, 0))], { device: "here" }),
);
for (const kind of ["allReduce", "allGather", "reduceScatter"] as const) {
  add("collective", kind, [floats([3])], (x) => b.make("collective", [square(at(x, 0))], { kind, axis: 0 }));
}

export { cases };
