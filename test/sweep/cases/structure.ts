/** Cases of what holds graphs together: composites, loops, their results, stopGradient, copy and collectives. */
import type { Graph, Node } from "../../../src/engine/ir/index.ts";
import { build as b, outputsOf } from "../../../src/engine/ops/index.ts";
import type { Shape } from "../../../src/util/index.ts";
import { type Case, exact, terms, ulps } from "../case.ts";
import { random } from "../data.ts";

const param = (shape: Shape) => b.make("input", [], {}, shape, "f32");

function graph(shapes: readonly Shape[], body: (params: readonly Node[]) => readonly Node[]): Graph {
  const params = shapes.map(param);
  return { params, outs: body(params) };
}

const at = (nodes: readonly Node[], index: number) => nodes[index] as Node;

export function compositeCases(): Case[] {
  return [[], [0], [17], [5, 33]].map((shape): Case => {
    const body = graph([shape, shape], ([x, y]) => [
      b.mul(at([x as Node], 0), y as Node),
      b.add(x as Node, y as Node),
    ]);
    return {
      name: `composite with two results on [${shape}], one read twice`,
      inputs: [random("c0", shape), random("c1", shape)],
      build: (params) => {
        const [product, sum] = outputsOf(b.make("composite", params, { name: "pair", body }));
        return [product as Node, b.add(sum as Node, sum as Node)];
      },
      tolerance: ulps(0.5),
    };
  });
}

/** carry' = carry * x_i + c, y_i = carry. */
function recurrence(length: number, shape: Shape, reverse: boolean): Case {
  const body = graph([shape, shape, shape], (p) => {
    const next = b.add(b.mul(at(p, 0), at(p, 1)), at(p, 2));
    return [next, b.add(next, at(p, 0))];
  });
  return {
    name: `loop of ${length} over [${shape}]${reverse ? " reversed" : ""}`,
    inputs: [random("l0", shape), random("l1", [length, ...shape], "f32", -0.9, 0.9), random("l2", shape)],
    build: (params) => outputsOf(b.make("loop", params, { body, length, carry: 1, xs: 1, reverse })),
    tolerance: terms(8 * length + 8),
  };
}

export function loopCases(): Case[] {
  const lengths = [0, 1, 2, 17];
  const plain = lengths.flatMap((length) =>
    [[], [3], [0], [4, 33]].flatMap((shape) =>
      [false, true].map((reverse) => recurrence(length, shape, reverse)),
    ),
  );
  const onlyCarry: Case = {
    name: "loop that only carries",
    inputs: [random("oc", [19], "i32", -9, 9)],
    build: (params) => {
      const p = b.make("input", [], {}, [19], "i32");
      const body = { params: [p], outs: [b.add(p, b.fill(p, 3))] };
      return outputsOf(b.make("loop", params, { body, length: 7, carry: 1, xs: 0, reverse: false }));
    },
    tolerance: exact,
  };
  const swapped: Case = {
    name: "loop whose carries swap places",
    inputs: [random("s0", [6], "i32", -9, 9), random("s1", [6], "i32", -9, 9)],
    build: (params) => {
      const [p, q] = [b.make("input", [], {}, [6], "i32"), b.make("input", [], {}, [6], "i32")];
      const body = { params: [p, q], outs: [q, b.add(p, q), p] };
      return outputsOf(b.make("loop", params, { body, length: 5, carry: 2, xs: 0, reverse: false }));
    },
    tolerance: exact,
  };
  const contracting: Case = {
    name: "loop with a matmul and a reduction inside",
    inputs: [random("w", [8, 8], "f32", -0.3, 0.3), random("h", [3, 8]), random("x", [5, 3, 8])],
    build: ([w, h, x]) => {
      const body = graph(
        [
          [3, 8],
          [3, 8],
          [8, 8],
        ],
        (p) => {
          const product = b.make("matmul", [at(p, 0), at(p, 2)], { transposeA: false, transposeB: false });
          const next = b.tanh(b.add(product, at(p, 1)));
          return [next, b.sum(next, [1])];
        },
      );
      const src = [h, x, w] as Node[];
      return outputsOf(b.make("loop", src, { body, length: 5, carry: 1, xs: 1, reverse: false }));
    },
    tolerance: ulps(2000),
  };
  const nested: Case = {
    name: "loop in a loop",
    inputs: [random("n0", [5], "i32", -5, 5), random("n1", [3, 4, 5], "i32", -5, 5)],
    build: (params) => {
      const make = (shape: Shape) => b.make("input", [], {}, shape, "i32");
      const [c, x] = [make([5]), make([5])];
      const inner = { params: [c, x], outs: [b.add(c, x), b.mul(c, x)] };
      const [oc, ox] = [make([5]), make([4, 5])];
      const [final, stacked] = outputsOf(
        b.make("loop", [oc, ox], { body: inner, length: 4, carry: 1, xs: 1, reverse: false }),
      ) as [Node, Node];
      const outer = { params: [oc, ox], outs: [final, stacked] };
      return outputsOf(b.make("loop", params, { body: outer, length: 3, carry: 1, xs: 1, reverse: true }));
    },
    tolerance: exact,
  };
  // In a loop, so that the guard is true in some rounds; each has a loop of its own.
  const guarded: Case = {
    name: "guarded loop in a loop",
    inputs: [random("g0", [5], "i32", -5, 5), random("g1", [6, 5], "i32", -5, 5)],
    build: (params) => {
      const make = (shape: Shape) => b.make("input", [], {}, shape, "i32");
      const [c, x] = [make([5]), make([5])];
      const inner = { params: [c, x], outs: [b.add(c, x)] };
      const [gc, gx, guard] = [make([5]), make([5]), b.make("input", [], {}, [], "bool")];
      const again = { body: inner, length: 4, carry: 1, xs: 0, reverse: false };
      const due = { params: [gc, gx, guard], outs: outputsOf(b.make("loop", [gc, gx], again)) };
      const [oc, ox] = [make([5]), make([5])];
      const isDue = b.make("lt", [b.sum(ox, [0]), b.fill(b.sum(ox, [0]), 0)], {});
      const [next] = outputsOf(
        b.make("loop", [oc, ox, isDue], {
          body: due,
          length: 1,
          carry: 1,
          xs: 0,
          reverse: false,
          guarded: true,
        }),
      ) as [Node];
      const outer = { params: [oc, ox], outs: [b.add(next, ox), next] };
      return outputsOf(b.make("loop", params, { body: outer, length: 6, carry: 1, xs: 1, reverse: false }));
    },
    tolerance: exact,
  };
  return [...plain, onlyCarry, swapped, contracting, nested, guarded];
}

export function outputCases(): Case[] {
  return [0, 1, 2].map((index): Case => {
    const body = graph([[21]], ([x]) => [
      b.add(x as Node, x as Node),
      b.sum(x as Node, [0]),
      b.reshape(x as Node, [3, 7]),
    ]);
    return {
      name: `output ${index} of three with shapes of their own`,
      inputs: [random("three", [21])],
      build: (params) => [
        b.make("output", [b.make("composite", params, { name: "three", body })], { index }),
      ],
      tolerance: terms(8),
    };
  });
}

export function identityCases(op: "stopGradient" | "collective"): Case[] {
  return [[], [0], [33], [4, 17]].flatMap((shape): Case[] => {
    const build = (x: Node): Node[] =>
      op === "stopGradient"
        ? [b.make("stopGradient", [x], {})]
        : (["allReduce", "allGather", "reduceScatter", "broadcast"] as const).map((kind) =>
            b.make("collective", [x], { kind, axis: 0 }),
          );
    return [
      {
        name: `${op} of [${shape}]`,
        inputs: [random("same", shape)],
        build: ([x]) => build(x as Node),
        tolerance: exact,
      },
      {
        name: `${op} of [${shape}] between other work`,
        inputs: [random("same", shape)],
        build: ([x]) => build(b.add(x as Node, x as Node)).map((y) => b.mul(y, b.fill(y, 2))),
        tolerance: exact,
      },
    ];
  });
}
