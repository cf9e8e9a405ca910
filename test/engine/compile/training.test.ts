/** What small training steps compile to, what backward passes keep, and that it is what the graphs mean. */
import { grad, random, type Tensor, take, valueAndGrad } from "nabla";
import { bceWithLogits, gelu, mse, relu, silu, tanh } from "nabla/nn";
import { describe, expect, test } from "vitest";
import { type CompileGraph, compile, explain } from "../../../src/engine/compile/index.ts";
import type { Node } from "../../../src/engine/ir/index.ts";
import { evaluateGraph } from "../../../src/engine/ops/index.ts";
import { sizeOf } from "../../../src/util/index.ts";
import { backends, run } from "./run.ts";
import { given, planOf, planOfStep } from "./trace.ts";

type Weights = { readonly w: Tensor; readonly b: Tensor };

const line = ({ w, b }: Weights, x: Tensor): Tensor => x.matmul(w).add(b);

/** Plain gradient descent on `loss`. */
function descend(weights: Weights, rate: number, loss: (weights: Weights) => Tensor) {
  const [value, grads] = valueAndGrad(loss)(weights);
  const next = { b: weights.b.sub(grads.b.mul(rate)), w: weights.w.sub(grads.w.mul(rate)) };
  return { value, next };
}

/** Runs `outputs` of f32 inputs on every device; results must be near what the graph means in f64. */
async function check(inputs: readonly Node[], outputs: readonly Node[], donated: readonly boolean[]) {
  const data = inputs.map(({ aval }, n) =>
    Float32Array.from({ length: sizeOf(aval.shape) }, (_, i) => Math.sin(i * 7 + n * 3)),
  );
  const known = new Map(inputs.map((node, n) => [node, Float64Array.from(data[n] ?? [])]));
  const meaning = evaluateGraph(outputs, known).map((values) => [...values]);
  const graph: CompileGraph = {
    inputs,
    outputs,
    donated,
    pairs: outputs.flatMap((_, i) => (donated[i] ? [[i, i] as const] : [])),
  };
  for (const [, backend] of backends) {
    const got = await run(graph, data, {}, 1, [], {}, backend);
    got.outputs.forEach((values, n) => {
      expect(
        [...values].map((value, i) => Math.abs(value - (meaning[n]?.[i] ?? Number.NaN)) < 1e-5),
      ).not.toContain(false);
    });
  }
}

const inputsOf = (tensors: readonly Tensor[]): Node[] => tensors.map(({ node }) => node);

describe("linear regression", () => {
  test("on one row is one kernel: product, loss, gradient and update in place", async () => {
    const [w, b, x, y] = [given([13, 1]), given([1]), given([1, 13]), given([1, 1])];
    const { value, next } = descend({ b, w }, 0.5, (weights) => mse(line(weights, x), y));
    expect(explain(planOfStep({ b, w }, [x, y], next, value))).toMatchInlineSnapshot(`
      "4 inputs (2 donated), 3 outputs, 1 steps
      0: fused [][13]: mul <sum> add sub add mul sub mul mul mul sub (in0 in2 in1 in3) -> in0 out2 in1
      output 0: f32[1] = in0, in the memory of input 0
      output 1: f32[13,1] = in1, in the memory of input 1
      output 2: f32[] = out2
      arena: 0 bytes"
    `);
    await check(inputsOf([b, w, x, y]), inputsOf([next.b, next.w, value]), [true, true, false, false]);
  });

  test("after gathers of its row", () => {
    const [w, b, xs, ys, at] = [
      given([13, 1]),
      given([1]),
      given([506, 13]),
      given([506, 1]),
      given([1], "i32"),
    ];
    const [x, y] = [take(xs, at, 0), take(ys, at, 0)];
    const { value, next } = descend({ b, w }, 0.5, (weights) => mse(line(weights, x), y));
    const plan = planOfStep({ at, b, w }, [xs, ys], { at: at.add(1), ...next }, value);
    expect(plan.steps.map(({ kind }) => kind)).toEqual(["index", "index", "fused"]);
  });

  test("on all rows: the loss, its gradient and the bias are one row between two products", async () => {
    const [w, b, x, y] = [given([13, 1]), given([1]), given([506, 13]), given([506, 1])];
    const { value, next } = descend({ b, w }, 0.5, (weights) => mse(line(weights, x), y));
    expect(explain(planOfStep({ b, w }, [x, y], next, value))).toMatchInlineSnapshot(`
      "4 inputs (2 donated), 3 outputs, 3 steps
      0: gemm 506x1x13: in2 in1 -> a0
      1: fused [][506]: add sub mul <sum> mul mul add <sum> mul sub (a0 in0 in3) -> out2 a0 in0
      2: gemm 13x1x506: in2^T a0, then mul sub (in1) -> in1
      output 0: f32[1] = in0, in the memory of input 0
      output 1: f32[13,1] = in1, in the memory of input 1
      output 2: f32[] = out2
      arena: 2048 bytes"
    `);
    await check(inputsOf([b, w, x, y]), inputsOf([next.b, next.w, value]), [true, true, false, false]);
  });

  test("on more rows than one kernel should go over alone, they are the product's epilogue", () => {
    const [w, b, x, y] = [given([13, 1]), given([1]), given([5000, 13]), given([5000, 1])];
    const plan = planOf([w, b, x, y], mse(line({ w, b }, x), y));
    const [product] = plan.steps;
    expect(product?.kind === "gemm" && product.epilogue.body.instrs.length).toBeGreaterThan(3);
  });
});

test("a classifier of two: the loss, its gradient, the last bias and the counters are one row", () => {
  const [w, b, x, y, count] = [given([5, 1]), given([1]), given([1000, 5]), given([1000, 1]), given([])];
  const { value, next } = descend({ b, w }, 0.5, (weights) => bceWithLogits(line(weights, x), y));
  const plan = planOfStep({ b, count, w }, [x, y], { b: next.b, count: count.add(1), w: next.w }, value);
  expect(plan.steps.map(({ kind }) => kind)).toEqual(["gemm", "fused", "gemm"]);
});

describe("what the backward pass of an activation reads", () => {
  const sizes = { relu: 1, tanh: 1, silu: 3, gelu: 3 };
  test.each([
    ["relu", relu],
    ["tanh", tanh],
    ["silu", silu],
    ["gelu", gelu],
  ] as const)("%s", async (name, activation) => {
    const [x, v, w] = [given([8, 16]), given([16, 32]), given([32, 4])];
    const loss = (p: { v: Tensor; w: Tensor }) => activation(x.matmul(p.v)).matmul(p.w).square().sum();
    const grads = grad(loss)({ v, w });
    const plan = planOf([x, v, w], grads);
    const first = plan.steps[0];
    // The activation, as the next product's operand and gradient need it, and what cannot be had from it.
    expect(first?.kind === "gemm" && first.epilogue.body.stores.length).toBe(sizes[name]);
    await check(inputsOf([x, v, w]), inputsOf([grads.v, grads.w]), [false, false, false]);
  });
});

test("a softmax takes the memory of what it is of", async () => {
  const x = given([32, 300]);
  const next = x.softmax(-1);
  const graph = { inputs: [x.node], outputs: [next.node], donated: [true] };
  const plan = compile(
    graph,
    { composites: new Set(), maxBuffersPerKernel: 64, segments: true },
    { verify: true },
  );
  expect([plan.steps.length, plan.arenaBytes]).toEqual([1, 0]);
  await check([x.node], [next.node], [true]);
});

test("keys derived from keys are numbers of one kernel", () => {
  const [key, step, x] = [given([2], "u32"), given([], "i32"), given([64, 128])];
  const own = random.foldIn(key, step);
  const [first, second] = random.split(own) as [Tensor, Tensor];
  const noisy = x
    .mul(random.uniform(first, [64, 128]))
    .add(random.uniform(random.foldIn(second, 7), [64, 128]));
  const plan = planOf([key, step, x], noisy);
  expect(plan.steps.map((each) => (each.kind === "fused" ? each.segments[0]?.shape : null))).toEqual([
    [],
    [8192],
  ]);
});
