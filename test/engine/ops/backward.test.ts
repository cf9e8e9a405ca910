import { describe, expect, it } from "vitest";
import { type Graph, type Node, topologicalOrder } from "../../../src/engine/ir/index.ts";
import {
  build as b,
  backward,
  cloneGraph,
  evaluateGraph,
  inlineGraph,
  make,
  outputsOf,
} from "../../../src/engine/ops/index.ts";
import { UnsupportedError } from "../../../src/util/index.ts";
import { param } from "./check.ts";

const one = (node: Node) => b.fill(node, 1);
const opsOf = (roots: readonly (Node | null)[]) =>
  topologicalOrder(roots.filter((node) => node !== null)).map(({ op }) => op);
const values = (nodes: readonly (Node | null)[], bindings: [Node, number[]][]) =>
  evaluateGraph(
    nodes.map((node) => node as Node),
    new Map(bindings.map(([node, data]) => [node, Float64Array.from(data)])),
  ).map((data) => [...data]);

describe("backward", () => {
  it("gives null where there is no path of floats", () => {
    const [x, y, n] = [param([2]), param([2]), param([2], "i32")];
    const detached = make("stopGradient", [y], {});
    const rounded = b.cast(b.cast(y, "i32"), "f32");
    const out = b.add(b.mul(x, b.cast(n, "f32")), b.add(b.floor(y), b.add(detached, rounded)));
    const grads = backward([out], [one(out)], [x, y, n]);
    expect(grads.map((g) => g?.op ?? null)).toEqual(["mul", null, null]);
  });

  it("builds no gradient that is not asked for", () => {
    const [x, w] = [param([2, 3]), param([3, 4])];
    const out = make("matmul", [x, w], { transposeA: false, transposeB: false });
    const [g] = backward([out], [one(out)], [w]);
    expect(opsOf([g ?? null]).filter((op) => op === "matmul")).toHaveLength(1);
  });

  it("does not visit what lies beyond wrt", () => {
    const x = param([2]);
    const far = make("collective", [x], { kind: "broadcast", axis: 0 }); // has no derivative
    const y = b.exp(far);
    const out = b.mul(y, y);
    expect(backward([out], [one(out)], [y])[0]).not.toBeNull();
    expect(() => backward([out], [one(out)], [x])).toThrow(UnsupportedError);
  });

  it("gives totals when one of wrt depends on another", () => {
    const x = param([]);
    const y = b.mul(x, x);
    const out = b.mul(y, x);
    const grads = backward([out], [one(out)], [x, y]);
    expect(values(grads, [[x, [3]]])).toEqual([[27], [3]]);
  });

  it("takes several results, the same twice, and wrt itself as one", () => {
    const x = param([]);
    const y = b.mul(x, x);
    const grads = backward([y, y, x, b.exp(x)], [one(y), b.fill(y, 2), b.fill(x, 5), null], [x]);
    expect(values(grads, [[x, [3]]])).toEqual([[23]]);
  });

  it("goes through 100,000 nodes", () => {
    const x = param([]);
    let y = x;
    for (let i = 0; i < 100_000; i++) y = b.add(y, x);
    const [g] = backward([y], [one(y)], [x]);
    expect(values([g ?? null], [[x, [1]]])).toEqual([[100_001]]);
  });

  it("refuses a cotangent of another shape", () => {
    const x = param([2]);
    expect(() => backward([b.exp(x)], [b.scalar(1)], [x])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: gradient: of exp must be f32[2]; got f32[].]`,
    );
  });

  it("shares the gradient equally between ties", () => {
    const x = param([4]);
    for (const [kind, expected] of [
      ["max", [0, 0.5, 0.5, 0]],
      ["min", [0.5, 0, 0, 0.5]],
    ] as const) {
      const out = make("reduce", [x], { kind, axes: [0] });
      expect(values(backward([out], [one(out)], [x]), [[x, [1, 3, 3, 1]]])).toEqual([[...expected]]);
    }
    const y = param([4]);
    const out = b.max(x, y);
    expect(
      values(backward([out], [one(out)], [x, y]), [
        [x, [1, 2, 3, 3]],
        [y, [2, 1, 3, 3]],
      ]),
    ).toEqual([
      [0, 1, 0.5, 0.5],
      [1, 0, 0.5, 0.5],
    ]);
  });

  it("of pow at 0 is finite, three times over", () => {
    const x = param([]);
    for (const [exponent, expected] of [
      [0, [0, 0, 0]],
      [1, [1, 0, 0]],
      [2, [0, 2, 0]],
      [3, [0, 0, 6]],
    ] as const) {
      const grads: Node[] = [];
      let y = b.pow(x, b.fill(x, exponent));
      for (let order = 0; order < 3; order++) {
        y = backward([y], [one(y)], [x])[0] ?? b.fill(x, 0);
        grads.push(y);
      }
      expect(values(grads, [[x, [0]]]).flat()).toEqual([...expected]);
    }
  });

  it("goes through storage dtypes, summing in f32", () => {
    const x = param([1, 2], "bf16");
    const wide = b.cast(b.expand(x, [3, 2]), "f32");
    const out = b.mul(wide, b.cast(b.expand(x, [3, 2]), "f32"));
    const grads = backward([out], [one(out)], [x]);
    expect(grads[0]?.aval.dtype).toBe("bf16");
    expect(values(grads, [[x, [1, 2]]])).toEqual([[6, 12]]);
  });
});

describe("composites", () => {
  const cubed = (): Graph => {
    const x = param([]);
    return { params: [x], outs: [b.mul(x, b.mul(x, x))] };
  };

  it("use their own rule, which sees inputs and results", () => {
    const x = param([]);
    const y = make("composite", [x], {
      name: "clipped",
      body: cubed(),
      vjp: ([g], [input], [output]) => [b.mul(g as Node, b.add(input as Node, output as Node))],
    });
    expect(values(backward([y], [b.fill(y, 2)], [x]), [[x, [3]]])).toEqual([[60]]);
  });

  it("refuse gradients of another shape or number", () => {
    const x = param([]);
    const wrong = (vjp: () => Node[]) => () => {
      const y = make("composite", [x], { name: "mine", body: cubed(), vjp });
      backward([y], [one(y)], [x]);
    };
    expect(wrong(() => [param([2])])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: mine: the gradient of input 0 must be f32[]; got f32[2].]`,
    );
    expect(wrong(() => [])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: mine: the gradient must give one value per input (1); got 0.]`,
    );
  });

  it("are shared with the forward pass when inlined, and kept apart when recomputed", () => {
    const x = param([]);
    const plain = make("composite", [x], { name: "cube", body: cubed() });
    expect(opsOf(backward([plain], [one(plain)], [x]))).not.toContain("composite");
    const again = make("composite", [x], { name: "cube", body: cubed(), recompute: true });
    const [g] = backward([again], [one(again)], [x]);
    expect(g?.op).toBe("composite");
    expect(g?.op === "composite" && [g.attrs.name, g.attrs.recompute]).toEqual(["cube.backward", true]);
    expect(values([g ?? null], [[x, [2]]])).toEqual([[12]]);
  });
});

describe("loops", () => {
  const attrs = { length: 3, carry: 1, xs: 0, reverse: false };
  const squared = (stack: "none" | "next"): Graph => {
    const c = param([]);
    const next = b.mul(c, c);
    return { params: [c], outs: stack === "none" ? [next] : [next, next] };
  };
  const loopsIn = (roots: readonly (Node | null)[]) =>
    topologicalOrder(roots as Node[]).filter(({ op }) => op === "loop").length;

  it("read the carries from a result that stacks them, else from one more loop", () => {
    const x = param([]);
    const first = (stack: "none" | "next") =>
      outputsOf(make("loop", [x], { ...attrs, body: squared(stack) }))[0] as Node;
    for (const [stack, count] of [
      ["none", 2],
      ["next", 2],
    ] as const) {
      const out = first(stack);
      const grads = backward([out], [one(out)], [x]);
      // "none": forward with carries, backward; "next": the loop itself, backward.
      expect(loopsIn([...grads])).toBe(count);
      expect(loopsIn([...grads, out])).toBe(stack === "none" ? 3 : 2);
      expect(values(grads, [[x, [1.5]]])).toEqual([[8 * 1.5 ** 7]]);
    }
  });

  it("stack nothing when the derivative does not read the carry", () => {
    const [c, k] = [param([]), param([])];
    const body = { params: [c, k], outs: [b.mul(c, k)] };
    const [x, factor] = [param([]), param([])];
    const out = make("loop", [x, factor], { ...attrs, body });
    const grads = backward([out], [one(out)], [x]);
    expect(loopsIn([...grads])).toBe(1);
    expect(
      values(grads, [
        [x, [2]],
        [factor, [3]],
      ]),
    ).toEqual([[27]]);
  });
});

describe("graphs", () => {
  it("inline keeps sharing and leaves what does not depend on parameters", () => {
    const [p, x] = [param([]), param([])];
    const constant = b.exp(b.scalar(1));
    const shared = b.mul(p, constant);
    const [sum, same] = inlineGraph({ params: [p], outs: [b.add(shared, shared), constant] }, [x]) as [
      Node,
      Node,
    ];
    expect(same).toBe(constant);
    expect(sum.src[0]).toBe(sum.src[1]);
    expect(sum.src[0]?.src).toEqual([x, constant]);
  });

  it("clone has parameters of its own", () => {
    const p = param([2]);
    const clone = cloneGraph({ params: [p], outs: [b.exp(p), p] });
    expect(clone.params[0]).not.toBe(p);
    expect(clone.outs[1]).toBe(clone.params[0]);
  });

  it("inline refuses another aval", () => {
    const p = param([2]);
    expect(() => inlineGraph({ params: [p], outs: [p] }, [param([3])])).toThrowErrorMatchingInlineSnapshot(
      `[InternalError: inline: argument 0 must be f32[2]; got f32[3].]`,
    );
  });
});
