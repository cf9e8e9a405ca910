import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile, explain } from "../../../src/engine/compile/index.ts";
import type { Node, Plan } from "../../../src/engine/ir/index.ts";
import { build as b, evaluateGraph, make } from "../../../src/engine/ops/index.ts";
import { sizeOf } from "../../../src/util/index.ts";
import { cook, dataOf, inputsOf, recipes } from "./graphs.ts";
import { backends, run } from "./run.ts";

const input = (...shape: number[]): Node => make("input", [], {}, shape, "f32");
const numbers = (n: number, from = 0): Float32Array => Float32Array.from({ length: n }, (_, i) => from + i);
const backwards = (x: Node): Node =>
  make(
    "slice",
    [x],
    { start: x.aval.shape.map((n) => n - 1), step: x.aval.shape.map(() => -1) },
    x.aval.shape,
  );

const places = (plan: Plan): string[] =>
  plan.outputs.map(({ buffer, donor }) => `${plan.buffers[buffer]?.place.in}${donor ?? ""}`);

describe("donation", () => {
  test("an elementwise update is in place", async () => {
    const [w, g] = [input(4), input(4)];
    const next = b.sub(w, b.mul(g, b.fill(g, 2)));
    const graph = { inputs: [w, g], outputs: [next], donated: [true, false] };
    const { plan, outputs } = await run(graph, [numbers(4), numbers(4)], {}, 2);
    expect(plan.steps).toHaveLength(1);
    expect(places(plan)).toEqual(["input0"]);
    expect(plan.arenaBytes).toBe(0);
    expect([...(outputs[0] ?? [])]).toEqual([0, -3, -6, -9]);
  });

  test("where elements are read elsewhere the value is copied at the end", async () => {
    const x = input(4);
    const next = b.add(x, backwards(x));
    const { plan, outputs } = await run(
      { inputs: [x], outputs: [next], donated: [true] },
      [numbers(4)],
      {},
      2,
    );
    expect(explain(plan)).toMatchInlineSnapshot(`
      "1 inputs (1 donated), 1 outputs, 2 steps
      0: fused [4]: add (in0) -> a0
      1: fused [4]: copy (a0) -> in0
      output 0: f32[4] = in0, in the memory of input 0
      arena: 64 bytes"
    `);
    expect([...(outputs[0] ?? [])]).toEqual([6, 6, 6, 6]);
  });

  test("other readers come first", async () => {
    const [w, x] = [input(3, 3), input(3, 3)];
    const product = make("matmul", [x, w], { transposeA: false, transposeB: false });
    const next = b.add(w, b.fill(w, 1));
    const graph = { inputs: [w, x], outputs: [next, product], donated: [true, false] };
    const { plan, outputs } = await run(graph, [numbers(9), numbers(9)]);
    expect(explain(plan)).toMatchInlineSnapshot(`
      "2 inputs (1 donated), 2 outputs, 2 steps
      0: gemm 3x3x3: in1 in0 -> out1
      1: fused [9]: add (in0) -> in0
      output 0: f32[3,3] = in0, in the memory of input 0
      output 1: f32[3,3] = out1
      arena: 0 bytes"
    `);
    expect(outputs.map((values) => [...values])).toEqual([
      [1, 2, 3, 4, 5, 6, 7, 8, 9],
      [15, 18, 21, 42, 54, 66, 69, 90, 111],
    ]);
  });

  test("values that change places", async () => {
    const [a, c] = [input(2), input(2)];
    const pairs = [
      [0, 0],
      [1, 1],
    ] as const;
    const graph = { inputs: [a, c], outputs: [c, a], donated: [true, true], pairs };
    for (const times of [1, 2, 3]) {
      const { outputs } = await run(graph, [numbers(2), numbers(2, 5)], {}, times);
      const straight = [
        [0, 1],
        [5, 6],
      ];
      expect(outputs.map((values) => [...values])).toEqual(times % 2 === 0 ? straight : straight.reverse());
    }
  });

  test("what passes through costs nothing", async () => {
    const [a, c] = [input(2, 3), input(2)];
    const graph = { inputs: [a, c], outputs: [b.reshape(a, [3, 2]), c], donated: [true, true] };
    const { plan, outputs } = await run(graph, [numbers(6), numbers(2)]);
    expect(plan.steps).toHaveLength(0);
    expect([...(outputs[0] ?? [])]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("an output twice, an input and a constant as outputs", async () => {
    const [a, c] = [input(2), input(3)];
    const sum = b.add(a, a);
    const graph = { inputs: [a, c], outputs: [sum, sum, c, b.fill(a, 7)], donated: [true, false] };
    const { plan, outputs } = await run(graph, [numbers(2, 1), numbers(3)]);
    expect(places(plan)).toEqual(["input0", "output", "output", "output"]);
    expect(outputs.map((values) => [...values])).toEqual([
      [2, 4],
      [2, 4],
      [0, 1, 2],
      [7, 7],
    ]);
  });

  test("without donation every output is fresh", () => {
    const x = input(4);
    const graph = { inputs: [x], outputs: [b.add(x, x)], donated: [true] };
    const caps = { composites: new Set<string>(), maxBuffersPerKernel: 64, segments: true };
    expect(places(compile(graph, caps, { donate: false }))).toEqual(["output"]);
  });

  test("pairs that cannot be", () => {
    const caps = { composites: new Set<string>(), maxBuffersPerKernel: 64, segments: true };
    const [a, c] = [input(4), input(3)];
    const graph = { inputs: [a, c], outputs: [b.add(a, a)], donated: [false, true] };
    expect(() => compile({ ...graph, pairs: [[0, 0]] }, caps)).toThrow(
      "compile: output 0 cannot take the memory of input 0: each may be paired once, and the input must be donated.",
    );
    expect(() => compile({ ...graph, pairs: [[0, 1]] }, caps)).toThrow(
      "compile: output 0 must have the size of input 1; got f32[4] and f32[3].",
    );
  });

  test.each(backends)(
    "running again over the same memory continues the computation, on %s",
    async (_device, backend) => {
      await fc.assert(
        fc.asyncProperty(recipes, async (recipe) => {
          const inputs = inputsOf(recipe);
          const pool = cook(recipe, inputs);
          // Each input's successor: the first result of its size, else another input's value, else itself plus one.
          const next = inputs.map((node, i) => {
            const size = sizeOf(node.aval.shape);
            const found = [...pool.slice(i), ...inputs.slice(i + 1), ...inputs].find(
              (other) => other !== node && sizeOf(other.aval.shape) === size,
            );
            const value = found ?? b.add(node, b.fill(node, 1));
            const small = b.min(b.max(value, b.fill(value, -9)), b.fill(value, 9));
            return b.reshape(recipe.donated[i] ? value : small, node.aval.shape);
          });
          const data = dataOf(recipe, inputs);
          const pairs = inputs.map((_, i) => [i, i] as const);
          const outputs = [...next, pool[0] as Node];
          const graph = { inputs, outputs, donated: inputs.map(() => true), pairs };
          const times = 3;
          let state: Float64Array[] = data.map((values) => Float64Array.from(values));
          let results: Float64Array[] = [];
          for (let i = 0; i < times; i++) {
            results = evaluateGraph(
              outputs,
              new Map(inputs.map((node, n) => [node, state[n] as Float64Array])),
            );
            state = results.slice(0, inputs.length);
          }
          const got = await run(graph, data, {}, times, [], {}, backend);
          expect(got.plan.outputs.slice(0, -1).map(({ donor }) => donor)).toEqual(inputs.map((_, i) => i));
          expect(got.outputs.map((values) => Array.from(values, (v) => v + 0))).toEqual(
            results.map((values) => Array.from(values, (v) => v + 0)),
          );
        }),
        { numRuns: Number(process.env.NABLA_FUZZ ?? 150) },
      );
    },
  );
});
