/** Work large enough to be shared out gives the same bits on any number of threads, and on AVX2 as on AVX-512. */
import { describe, expect, it } from "vitest";
import { cpuBackend } from "../../src/engine/backend/cpu/index.ts";
import type { Backend, Node } from "../../src/engine/ir/index.ts";
import { build as b, backward } from "../../src/engine/ops/index.ts";
import { paramsOf } from "../sweep/case.ts";
import { random } from "../sweep/data.ts";
import { fused, isas } from "../sweep/devices.ts";
import type { Host } from "../sweep/host.ts";
import { runGraph } from "../sweep/run.ts";
import { firstDifference } from "./equal.ts";

interface Work {
  readonly name: string;
  readonly inputs: readonly Host[];
  readonly build: (...params: Node[]) => readonly Node[];
}

const row = (x: Node, kind: "sum" | "max") => {
  const { shape } = x.aval;
  const kept = b.reshape(b.make("reduce", [x], { kind, axes: [1] }), [shape[0] as number, 1]);
  return b.expand(kept, shape);
};

const softmax = (x: Node) => {
  const exps = b.exp(b.sub(x, row(x, "max")));
  return b.div(exps, row(exps, "sum"));
};

const matmul = (x: Node, y: Node) => b.make("matmul", [x, y], { transposeA: false, transposeB: false });
const conv = {
  stride: [1, 1],
  padding: [
    [1, 1],
    [1, 1],
  ],
  dilation: [1, 1],
  groups: 1,
} as const;

const works: readonly Work[] = [
  {
    name: "elementwise",
    inputs: [random("e0", [300_007]), random("e1", [300_007])],
    build: (x, y) => [b.tanh(b.add(b.mul(x, y), b.exp(b.sin(x))))],
  },
  {
    name: "sums over all, rows and columns",
    inputs: [random("s", [701, 499])],
    build: (x) => [b.sum(x, [0, 1]), b.sum(x, [1]), b.sum(x, [0])],
  },
  { name: "one long sum", inputs: [random("long", [1_000_003])], build: (x) => [b.sum(b.mul(x, x), [0])] },
  { name: "softmax", inputs: [random("soft", [513, 257])], build: (x) => [softmax(x)] },
  {
    name: "matmul with an epilogue",
    inputs: [random("m0", [193, 300]), random("m1", [300, 161]), random("m2", [1, 161])],
    build: (x, y, z) => {
      const sum = b.add(matmul(x, y), b.expand(z, [193, 161]));
      return [b.max(sum, b.fill(sum, 0))];
    },
  },
  {
    name: "batches of matmul",
    inputs: [random("b0", [7, 33, 65]), random("b1", [7, 65, 41])],
    build: (x, y) => [matmul(x, y)],
  },
  {
    name: "convolution and its gradients",
    inputs: [random("c0", [6, 17, 15, 8]), random("c1", [3, 3, 8, 12]), random("c2", [6, 17, 15, 12])],
    build: (x, w, g) => {
      const y = b.make("conv", [x, w], conv);
      return [y, ...backward([y], [g], [x, w]).filter((grad) => grad !== null)];
    },
  },
  {
    name: "gather and scatter with many at one place",
    inputs: [random("g0", [97, 33]), random("g1", [5000], "i32", 0, 96), random("g2", [5000, 33])],
    build: (x, i, u) => [b.gather(x, i, 0, false), b.scatter("add", x, i, u, 0, false)],
  },
  {
    name: "sorting, scanning, windows",
    inputs: [random("o", [37, 2003])],
    build: (x) => [
      b.make("argsort", [x], { axis: 1, descending: true, k: 2003 }),
      b.make("argsort", [x], { axis: 0, descending: false, k: 5 }),
      b.make("cumulate", [x], { kind: "sum", axis: 1, reverse: false }),
      b.make("cumulate", [x], { kind: "sum", axis: 0, reverse: true }),
      b.make("reduceWindow", [x], {
        kind: "sum",
        window: [3, 5],
        stride: [2, 1],
        padding: [
          [1, 1],
          [0, 0],
        ],
        dilation: [1, 2],
      }),
    ],
  },
  {
    name: "random bits",
    inputs: [random("key", [2], "u32", 0, 1000)],
    build: (key) => [b.make("random", [key], {}, [123_457])],
  },
  {
    name: "a training step of a network",
    inputs: [
      random("x", [128, 200]),
      random("t", [128, 10]),
      random("w0", [200, 64], "f32", -0.1, 0.1),
      random("w1", [64, 10], "f32", -0.1, 0.1),
    ],
    build: (x, t, w0, w1) => {
      const hidden = matmul(x, w0);
      const logits = matmul(b.max(hidden, b.fill(hidden, 0)), w1);
      const loss = b.sum(b.mul(t, b.log(softmax(logits))), [0, 1]);
      const grads = backward([loss], [b.scalar(1)], [w0, w1]) as Node[];
      return [loss, ...[w0, w1].map((w, i) => b.sub(w, b.mul(grads[i] as Node, b.fill(w, 0.01))))];
    },
  },
];

async function results(backend: Backend, { inputs, build }: Work): Promise<Host[]> {
  const params = paramsOf(inputs);
  return runGraph(backend, params, build(...params), inputs);
}

describe.each(isas)("%s", (isa) => {
  const [one, two, three] = [1, 2, 3].map((threads) => cpuBackend({ isa, threads })) as [
    Backend,
    Backend,
    Backend,
  ];
  it.each(works)("1, 2 and 3 threads agree on $name", async (work) => {
    const alone = await results(one, work);
    expect(firstDifference(await results(two, work), alone)).toBe(null);
    expect(firstDifference(await results(three, work), alone)).toBe(null);
  });
});

describe("instruction sets with fused multiply-add", () => {
  const present = isas.filter((isa) => fused.includes(isa)).map((isa) => cpuBackend({ isa, threads: 2 }));
  it.each(works)("agree on $name", async (work) => {
    const all = await Promise.all(present.map((backend) => results(backend, work)));
    for (const other of all.slice(1)) expect(firstDifference(other, all[0] as Host[])).toBe(null);
  });
});
