/** Cases of matmul and the conv trio: odd sizes, transposes, batches, views as operands, epilogues, strides and groups. */
import type { ConvAttrs, Node, PadPair } from "../../../src/engine/ir/index.ts";
import { build as b } from "../../../src/engine/ops/index.ts";
import type { Shape } from "../../../src/util/index.ts";
import { type Case, terms } from "../case.ts";
import { filled, random } from "../data.ts";
import { viewNamed } from "../views.ts";

/** Every partial sum rounds: the error grows with the square root of the depth in practice, and this bounds it with room. */
const near = (depth: number) => terms(Math.max(4, 2 * Math.sqrt(depth) + 2));

const flags = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
] as const;

const sides = (m: number, n: number, k: number, transposeA: boolean, transposeB: boolean): [Shape, Shape] => [
  transposeA ? [k, m] : [m, k],
  transposeB ? [n, k] : [k, n],
];

const matmul = (a: Node, c: Node, transposeA = false, transposeB = false) =>
  b.make("matmul", [a, c], { transposeA, transposeB });

export function matmulCases(): Case[] {
  const cases: Case[] = [];
  const sizes = [
    [1, 1, 1],
    [0, 3, 4],
    [3, 0, 4],
    [3, 4, 0],
    [1, 7, 5],
    [7, 1, 5],
    [1, 33, 300],
    [33, 1, 300],
    [5, 17, 3],
    [15, 31, 16],
    [17, 33, 65],
    [32, 10, 128],
    [14, 32, 600],
    [100, 35, 20],
  ] as const;
  for (const [m, n, k] of sizes) {
    for (const [transposeA, transposeB] of flags) {
      for (const batch of m * n * k < 3000 ? [[], [3], [2, 0], [2, 2]] : [[]]) {
        const [a, c] = sides(m, n, k, transposeA, transposeB);
        cases.push({
          name: `matmul ${m}x${n}x${k}${transposeA ? " aT" : ""}${transposeB ? " bT" : ""}${batch.length ? ` batch [${batch}]` : ""}`,
          inputs: [random(`a${m}`, [...batch, ...a]), random(`b${n}`, [...batch, ...c])],
          build: ([x, y]) => [matmul(x as Node, y as Node, transposeA, transposeB)],
          tolerance: near(k),
        });
      }
    }
  }
  for (const name of [
    "transposed",
    "backwards",
    "one row for all",
    "one column for all",
    "every other",
    "padded",
  ]) {
    const view = viewNamed(name);
    for (const place of [0, 1]) {
      const shapes: Shape[] = [
        [13, 40],
        [40, 21],
      ];
      cases.push({
        name: `matmul with operand ${place} ${name}`,
        inputs: shapes.map((shape, i) => random(`mv${i}`, i === place ? view.base(shape) : shape)),
        build: (params) => {
          const [x, y] = params.map((p, i) => (i === place ? view.apply(p, shapes[i] as Shape) : p));
          return [matmul(x as Node, y as Node)];
        },
        tolerance: near(40),
      });
    }
  }
  cases.push(
    {
      name: "matmul of one matrix with a batch",
      inputs: [random("m1", [1, 9, 20]), random("m2", [4, 20, 6])],
      build: ([x, y]) => [matmul(b.expand(x as Node, [4, 9, 20]), y as Node)],
      tolerance: near(20),
    },
    {
      name: "matmul with heads in the middle",
      inputs: [random("h1", [2, 11, 3, 8]), random("h2", [2, 11, 3, 8])],
      build: ([x, y]) => [
        matmul(b.permute(x as Node, [0, 2, 1, 3]), b.permute(y as Node, [0, 2, 1, 3]), false, true),
      ],
      tolerance: near(8),
    },
    {
      name: "matmul with bias and ReLU behind, itself also read",
      inputs: [random("e1", [33, 50]), random("e2", [50, 21]), random("e3", [1, 21])],
      build: ([x, y, bias]) => {
        const product = matmul(x as Node, y as Node);
        const shifted = b.add(product, b.expand(bias as Node, [33, 21]));
        return [b.max(shifted, b.fill(shifted, 0)), product];
      },
      tolerance: near(51),
    },
    {
      name: "matmul with bias and ReLU behind",
      inputs: [random("e1", [33, 50]), random("e2", [50, 21]), random("e3", [1, 21])],
      build: ([x, y, bias]) => {
        const shifted = b.add(matmul(x as Node, y as Node), b.expand(bias as Node, [33, 21]));
        return [b.max(shifted, b.fill(shifted, 0))];
      },
      tolerance: near(51),
    },
    {
      name: "matmul with NaN and infinity",
      inputs: [
        filled([1, Number.NaN, 2, Infinity, 3, 4, 5], [9, 33], "f32"),
        filled([1, 2, -1], [33, 18], "f32"),
      ],
      build: ([x, y]) => [matmul(x as Node, y as Node)],
      tolerance: near(33),
    },
  );
  return cases;
}

interface Layout {
  readonly x: Shape;
  readonly w: Shape;
  readonly attrs: ConvAttrs;
}

const layout = (
  x: Shape,
  w: Shape,
  stride: readonly number[],
  padding: readonly PadPair[],
  dilation: readonly number[],
  groups = 1,
): Layout => ({ x, w, attrs: { stride, padding, dilation, groups } });

const layouts: readonly Layout[] = [
  layout([2, 9, 3], [3, 3, 5], [1], [[0, 0]], [1]),
  layout([1, 1, 1], [1, 1, 1], [1], [[0, 0]], [1]),
  layout([2, 0, 3], [1, 3, 5], [1], [[0, 0]], [1]),
  layout([0, 9, 3], [3, 3, 5], [1], [[0, 0]], [1]),
  layout([2, 10, 4], [3, 4, 17], [2], [[1, 2]], [2]),
  layout(
    [2, 8, 8, 3],
    [3, 3, 3, 16],
    [1, 1],
    [
      [1, 1],
      [1, 1],
    ],
    [1, 1],
  ),
  layout(
    [1, 9, 7, 5],
    [3, 2, 5, 4],
    [2, 3],
    [
      [0, 1],
      [2, 0],
    ],
    [1, 2],
  ),
  layout(
    [2, 6, 6, 4],
    [3, 3, 2, 6],
    [1, 1],
    [
      [1, 1],
      [1, 1],
    ],
    [1, 1],
    2,
  ),
  layout(
    [2, 6, 6, 4],
    [3, 3, 1, 4],
    [1, 1],
    [
      [1, 1],
      [1, 1],
    ],
    [1, 1],
    4,
  ),
  layout(
    [1, 5, 5, 33],
    [1, 1, 33, 20],
    [1, 1],
    [
      [0, 0],
      [0, 0],
    ],
    [1, 1],
  ),
  layout(
    [1, 5, 5, 2],
    [5, 5, 2, 3],
    [1, 1],
    [
      [0, 0],
      [0, 0],
    ],
    [1, 1],
  ),
  layout(
    [1, 3, 3, 2],
    [5, 5, 2, 3],
    [1, 1],
    [
      [2, 2],
      [3, 1],
    ],
    [1, 1],
  ),
  layout(
    [1, 4, 5, 6, 2],
    [2, 3, 2, 2, 3],
    [1, 2, 1],
    [
      [1, 0],
      [1, 1],
      [0, 0],
    ],
    [1, 1, 2],
  ),
];

function shapesOf({ x, w, attrs }: Layout): { y: Shape; depth: number } {
  const inputs = [random("x", x), random("w", w)].map(({ aval }) =>
    b.make("input", [], {}, aval.shape, aval.dtype),
  );
  const y = b.make("conv", inputs, attrs).aval.shape;
  const outPixels = y.slice(0, -1).reduce((product, size) => product * size, 1);
  const taps = w.slice(0, -1).reduce((product, size) => product * size, 1);
  return { y, depth: Math.max(outPixels, taps * (w.at(-1) ?? 1)) };
}

const named = ({ x, w, attrs }: Layout) =>
  `x [${x}] w [${w}] stride [${attrs.stride}] padding [${attrs.padding.join(" ")}] dilation [${attrs.dilation}] groups ${attrs.groups}`;

export function convCases(op: "conv" | "convInputGrad" | "convFilterGrad"): Case[] {
  return layouts.flatMap((one) => {
    const { y, depth } = shapesOf(one);
    const { x, w, attrs } = one;
    const inputs = { conv: [x, w], convInputGrad: [y, w], convFilterGrad: [x, y] }[op].map((shape, i) =>
      random(`${op}${i}`, shape),
    );
    const build = (params: readonly Node[]): Node => {
      switch (op) {
        case "conv":
          return b.make("conv", params, attrs);
        case "convInputGrad":
          return b.make("convInputGrad", params, attrs, x);
        case "convFilterGrad":
          return b.make("convFilterGrad", params, attrs, w);
        default:
          return op satisfies never;
      }
    };
    const plain: Case = {
      name: `${op} ${named(one)}`,
      inputs,
      build: (p) => [build(p)],
      tolerance: near(depth),
    };
    const fused: Case = {
      name: `${op} ${named(one)}, ReLU behind`,
      inputs,
      build: (p) => {
        const out = build(p);
        return [b.max(out, b.fill(out, 0))];
      },
      tolerance: near(depth),
    };
    return [plain, fused];
  });
}
