/** Steps of every kind, and what surrounds them: loops, numbers, composites, constants, sizes 0. */
import { describe, expect, test } from "vitest";
import { nullBackend } from "../../../src/engine/backend/null/index.ts";
import { compile, explain } from "../../../src/engine/compile/index.ts";
import type { DType, Node } from "../../../src/engine/ir/index.ts";
import { build as b, evaluateGraph, make, outputsOf } from "../../../src/engine/ops/index.ts";
import { type Shape, sizeOf } from "../../../src/util/index.ts";
import { backends, run } from "./run.ts";

const input = (shape: Shape, dtype: DType = "f32"): Node => make("input", [], {}, shape, dtype);
const { caps } = nullBackend();

const planText = (inputs: readonly Node[], ...outputs: Node[]): string =>
  explain(compile({ inputs, outputs, donated: inputs.map(() => false) }, caps, { verify: true }));

/** Runs on every device and compares with the meaning of the graph. */
async function check(inputs: readonly Node[], ...outputs: Node[]): Promise<void> {
  const data = inputs.map((node, n) =>
    Float32Array.from({ length: sizeOf(node.aval.shape) }, (_, i) => ((i * 7 + n) % 11) - 5),
  );
  const given = new Map(inputs.map((node, n) => [node, Float64Array.from(data[n] ?? [])]));
  const meaning = evaluateGraph(outputs, given).map((values) => [...values]);
  for (const [, backend] of backends) {
    const graph = { inputs, outputs, donated: inputs.map(() => false) };
    const got = await run(graph, data, {}, 1, [], {}, backend);
    expect(got.outputs.map((values) => [...values])).toEqual(meaning);
  }
}

describe("loops", () => {
  test("carries live in place, slices move, constants stay", async () => {
    const [start, xs, fixed] = [input([4]), input([3, 4]), input([4])];
    const [carry, x, c] = [input([4]), input([4]), input([4])];
    const next = b.add(b.mul(carry, c), x);
    const body = { params: [carry, x, c], outs: [next, b.sub(next, carry)] };
    const outs = outputsOf(
      make("loop", [start, xs, fixed], { body, length: 3, carry: 1, xs: 1, reverse: true }),
    );
    expect(planText([start, xs, fixed], ...outs)).toMatchInlineSnapshot(`
      "3 inputs, 2 outputs, 2 steps
      0: fused [4]: copy (in0) -> out0
      1: loop 3 times backwards:
        0: fused [4]: mul add sub (out0 in2 in1[i]) -> out1[i] out0
      output 0: f32[4] = out0
      output 1: f32[3,4] = out1
      arena: 0 bytes"
    `);
    await check([start, xs, fixed], ...outs);
  });

  test("a carry that is donated is updated where it is", () => {
    const [start, xs] = [input([4]), input([3, 4])];
    const [carry, x] = [input([4]), input([4])];
    const body = { params: [carry, x], outs: [b.add(carry, x)] };
    const out = make("loop", [start, xs], { body, length: 3, carry: 1, xs: 1, reverse: false });
    const graph = { inputs: [start, xs], outputs: [out], donated: [true, false] };
    expect(explain(compile(graph, caps, { verify: true }))).toMatchInlineSnapshot(`
      "2 inputs (1 donated), 1 outputs, 1 steps
      0: loop 3 times:
        0: fused [4]: add (in0 in1[i]) -> in0
      output 0: f32[4] = in0, in the memory of input 0
      arena: 0 bytes"
    `);
  });

  test("a start that is computed becomes the carry; carries change places", async () => {
    const xs = input([3, 4]);
    const first = b.sum(xs, [0]);
    const [a, c, x] = [input([4]), input([4]), input([4])];
    const body = { params: [a, c, x], outs: [c, b.add(a, x)] };
    const outs = outputsOf(
      make("loop", [first, b.neg(first), xs], { body, length: 3, carry: 2, xs: 1, reverse: false }),
    );
    expect(planText([xs], ...outs)).toMatchInlineSnapshot(`
      "1 inputs, 2 outputs, 2 steps
      0: fused [4][3]: <sum> mul (in0) -> out0 out1
      1: loop 3 times:
        0: fused [4]: add (out0 in0[i]) -> a0
        1: fused [4]: copy (out1) -> out0
        2: fused [4]: copy (a0) -> out1
      output 0: f32[4] = out0
      output 1: f32[4] = out1
      arena: 64 bytes"
    `);
    await check([xs], ...outs);
  });

  test("loops in loops", async () => {
    const [start, xs] = [input([2]), input([3, 4, 2])];
    const [innerCarry, innerX, outerX] = [input([2]), input([2]), input([2])];
    const innerBody = {
      params: [innerCarry, innerX, outerX],
      outs: [b.add(innerCarry, b.max(innerX, outerX)), innerCarry],
    };
    const [carry, x] = [input([2]), input([4, 2])];
    const last = b.reshape(make("slice", [x], { start: [3, 0], step: [1, 1] }, [1, 2]), [2]);
    const inner = outputsOf(
      make("loop", [carry, x, last], { body: innerBody, length: 4, carry: 1, xs: 1, reverse: false }),
    );
    const body = { params: [carry, x], outs: inner };
    const outs = outputsOf(make("loop", [start, xs], { body, length: 3, carry: 1, xs: 1, reverse: false }));
    expect(planText([start, xs], ...outs)).toMatchInlineSnapshot(`
      "2 inputs, 2 outputs, 2 steps
      0: fused [2]: copy (in0) -> out0
      1: loop 3 times:
        0: fused [2]: copy (in1[i]) -> a0
        1: loop 4 times:
          0: fused [2]: max add (out0 in1[i][j] a0) -> out1[i][j] out0
      output 0: f32[2] = out0
      output 1: f32[3,4,2] = out1
      arena: 64 bytes"
    `);
    await check([start, xs], ...outs);
  });
});

describe("kinds of steps", () => {
  test("windows, indices, order", () => {
    const [x, table] = [input([4, 6]), input([8, 4, 6])];
    const indices = make("argsort", [x], { axis: 1, descending: true, k: 3 });
    const window = {
      window: [1, 3],
      stride: [1, 1],
      padding: [
        [0, 0],
        [1, 1],
      ] as [number, number][],
      dilation: [1, 1],
    };
    expect(
      planText(
        [x, table],
        make("gather", [x, indices], { axis: 1, along: true }),
        make("scatter", [x, indices, make("slice", [x], { start: [0, 0], step: [1, 2] }, [4, 3])], {
          mode: "add",
          axis: 1,
          along: true,
        }),
        make("reduceWindow", [b.exp(x)], { ...window, kind: "sum" }),
        make("argWindow", [x], { ...window, kind: "max" }),
        make("cumulate", [b.reshape(table, [32, 6])], { kind: "prod", axis: 0, reverse: true }),
        make("collective", [x], { kind: "allReduce", axis: 0 }),
      ),
    ).toMatchInlineSnapshot(`
      "2 inputs, 6 outputs, 9 steps
      0: argWindow max window [1,3]: in0 -> out3
      1: cumulate prod axis 0: in1 -> out4
      2: allReduce: in0 -> out5
      3: argsort descending axis 1, first 3: in0 -> a0
      4: gather along axis 1: in0 at a0 -> out0
      5: fused [12]: copy (in0) -> a64
      6: scatter add along axis 1: in0 with a64 at a0 -> out1
      7: fused [24]: exp (in0) -> a0
      8: reduceWindow sum window [1,3]: a0 -> out2
      output 0: f32[4,3] = out0
      output 1: f32[4,6] = out1
      output 2: f32[4,6] = out2
      output 3: i32[4,6] = out3
      output 4: f32[32,6] = out4
      output 5: f32[4,6] = out5
      arena: 128 bytes"
    `);
  });

  test("the same memory under another shape is the same buffer's alias", () => {
    const x = input([2, 3]);
    const exp = b.exp(x);
    const flat = make("cumulate", [b.reshape(exp, [6])], { kind: "sum", axis: 0, reverse: false });
    const tall = make("cumulate", [b.reshape(exp, [3, 2])], { kind: "sum", axis: 0, reverse: false });
    const plan = compile({ inputs: [x], outputs: [flat, tall], donated: [false] }, caps, { verify: true });
    expect(plan.steps).toHaveLength(3);
    expect(plan.buffers.filter(({ alias }) => alias !== undefined).map(({ aval }) => aval.shape)).toEqual([
      [6],
      [3, 2],
    ]);
  });

  test("a composite the device has is one step, contiguous operands in, results out", () => {
    const [p, q] = [input([3, 2]), input([3, 2])];
    const body = { params: [p, q], outs: [b.add(p, q), b.mul(p, q)] };
    const x = input([2, 3]);
    const outs = outputsOf(
      make("composite", [b.permute(x, [1, 0]), b.fill(p, 2)], { name: "both", body, params: {} }),
    );
    const rich = nullBackend({ composites: new Set(["both"]) }).caps;
    const plan = compile({ inputs: [x], outputs: outs, donated: [false] }, rich, { verify: true });
    expect(explain(plan)).toMatchInlineSnapshot(`
      "1 inputs, 2 outputs, 2 steps
      0: fused [3,2]: copy (in0) -> a0
      1: both [3,2] [3,2]: a0 c2 -> out0 out1
      output 0: f32[3,2] = out0
      output 1: f32[3,2] = out1
      arena: 64 bytes"
    `);
  });

  test("batches fold into rows where one matrix serves them all", async () => {
    const [x, w, bias] = [input([2, 3, 4]), input([4, 5]), input([5])];
    const shared = b.expand(b.reshape(w, [1, 4, 5]), [2, 4, 5]);
    const product = make("matmul", [x, shared], { transposeA: false, transposeB: false });
    const y = b.add(product, b.expand(b.reshape(bias, [1, 1, 5]), [2, 3, 5]));
    expect(planText([x, w, bias], y)).toMatchInlineSnapshot(`
      "3 inputs, 1 outputs, 1 steps
      0: gemm 6x5x4: in0 in1, then add (in2) -> out0
      output 0: f32[2,3,5] = out0
      arena: 0 bytes"
    `);
    await check([x, w, bias], y);
    // A bias per batch keeps them apart.
    const each = input([2]);
    const z = b.add(product, b.expand(b.reshape(each, [2, 1, 1]), [2, 3, 5]));
    expect(planText([x, w, each], z)).toMatchInlineSnapshot(`
      "3 inputs, 1 outputs, 1 steps
      0: gemm 2 x 3x5x4: in0 in1, then add (in2) -> out0
      output 0: f32[2,3,5] = out0
      arena: 0 bytes"
    `);
    await check([x, w, each], z);
  });

  test("transposes are strides; a result is stored in the order its reader needs", async () => {
    const [a, c] = [input([4, 3]), input([5, 4])];
    const product = make("matmul", [b.permute(a, [1, 0]), b.permute(c, [1, 0])], {
      transposeA: false,
      transposeB: false,
    });
    const turned = b.permute(product, [1, 0]);
    const total = make("cumulate", [turned], { kind: "sum", axis: 0, reverse: false });
    expect(planText([a, c], total)).toMatchInlineSnapshot(`
      "2 inputs, 1 outputs, 2 steps
      0: gemm 3x5x4: in0^T in1^T -> a0
      1: cumulate sum axis 0: a0 -> out0
      output 0: f32[5,3] = out0
      arena: 64 bytes"
    `);
    await check([a, c], total);
  });

  test("negative strides and borders are copied before a product", async () => {
    const [a, c] = [input([3, 4]), input([4, 2])];
    const back = make("slice", [a], { start: [2, 0], step: [-1, 1] }, [3, 4]);
    const wide = make("pad", [back], { lo: [1, 0], hi: [0, 0], interior: [0, 0], value: 0 });
    const product = make("matmul", [wide, c], { transposeA: false, transposeB: false });
    expect(planText([a, c], product)).toMatchInlineSnapshot(`
      "2 inputs, 1 outputs, 2 steps
      0: fused [4,4]: copy (in0) -> a0
      1: gemm 4x2x4: a0 in1 -> out0
      output 0: f32[4,2] = out0
      arena: 64 bytes"
    `);
    await check([a, c], product);
  });

  test("parts of a concatenation are written by who computes them", async () => {
    const [x, y] = [input([2, 3]), input([2, 3])];
    const parts = [
      b.mul(x, y),
      make("matmul", [x, b.permute(y, [1, 0])], { transposeA: false, transposeB: false }),
      x,
    ];
    const joined = make("concat", parts, { axis: 1 });
    expect(planText([x, y], joined)).toMatchInlineSnapshot(`
      "2 inputs, 1 outputs, 2 steps
      0: gemm 2x2x3: in0 in1^T -> out0
      1: fused [2,3]: mul (in0 in1) -> out0
      output 0: f32[2,8] = out0
      arena: 0 bytes"
    `);
    await check([x, y], joined);
  });

  test("gaps are filled, then written around", async () => {
    const x = input([2, 3]);
    const dilated = make("pad", [b.mul(x, x)], { lo: [0, 1], hi: [0, 0], interior: [1, 2], value: 9 });
    expect(planText([x], dilated)).toMatchInlineSnapshot(`
      "1 inputs, 1 outputs, 2 steps
      0: fused [24]: fill () -> out0
      1: fused [2,3]: mul (in0) -> out0
      output 0: f32[3,8] = out0
      arena: 0 bytes"
    `);
    await check([x], dilated);
  });
});

describe("odds and ends", () => {
  test("host numbers", async () => {
    const [x, rate, unused] = [input([3]), input([]), input([])];
    const scaled = b.mul(x, b.expand(b.reshape(rate, [1]), [3]));
    const graph = { inputs: [x], scalars: [unused, rate], outputs: [scaled], donated: [true] };
    expect(explain(compile(graph, caps, { verify: true }))).toMatchInlineSnapshot(`
      "1 inputs (1 donated), 2 numbers, 1 outputs, 1 steps
      0: fused [3]: mul (in0 n1) -> in0
      output 0: f32[3] = in0, in the memory of input 0
      arena: 0 bytes"
    `);
    for (const [, backend] of backends) {
      const { outputs } = await run(graph, [Float32Array.of(1, 2, 3)], {}, 2, [7, 0.5], {}, backend);
      expect([...(outputs[0] ?? [])]).toEqual([0.25, 0.5, 0.75]);
    }
  });

  test("no elements: nothing runs", async () => {
    const [empty, x] = [input([0, 3]), input([2, 3])];
    const sum = make("reduce", [empty], { kind: "sum", axes: [0] });
    const outs = [b.exp(empty), sum, make("concat", [empty, x], { axis: 0 }), empty];
    expect(planText([empty, x], ...outs)).toMatchInlineSnapshot(`
      "2 inputs, 4 outputs, 2 steps
      0: fused [6]: copy (in1) -> out2
      1: fused [3]: fill () -> out1
      output 0: f32[0,3] = out0
      output 1: f32[3] = out1
      output 2: f32[2,3] = out2
      output 3: f32[0,3] = out3
      arena: 0 bytes"
    `);
    await check([empty, x], ...outs);
  });

  test("small constants are part of the plan", () => {
    const x = input([4, 3]);
    const picks = make(
      "gather",
      [
        x,
        b.sub(
          make("iota", [], { axis: 0 }, [2], "i32"),
          b.fill(make("iota", [], { axis: 0 }, [2], "i32"), 0),
        ),
      ],
      { axis: 0, along: false },
    );
    const fixed = make("gather", [x, make("iota", [], { axis: 0 }, [2], "i32")], { axis: 0, along: false });
    const plan = compile({ inputs: [x], outputs: [picks, fixed], donated: [false] }, caps, { verify: true });
    expect(plan.steps).toHaveLength(2);
    expect(
      plan.buffers.flatMap(({ place }) =>
        place.in === "const" ? [...new Int32Array(place.data.slice().buffer)] : [],
      ),
    ).toEqual([0, 1]);
  });

  test("an input that is not listed", () => {
    expect(() => planText([], b.exp(input([2])))).toThrow(
      "compile: an input of the graph is not among its leaves (f32[2])",
    );
  });

  test("graphs of 10,000 operations", () => {
    const x = input([8, 8]);
    let deep = x;
    for (let i = 0; i < 10_000; i++) deep = i % 2 === 0 ? b.exp(deep) : b.add(deep, x);
    const wide = Array.from({ length: 2500 }, (_, i) => b.sum(b.exp(b.mul(x, b.fill(x, i + 2))), [0]));
    const plans = [[deep], wide].map((outputs) => compile({ inputs: [x], outputs, donated: [false] }, caps));
    expect(plans.map(({ steps }) => steps.length)).toEqual([79, expect.any(Number)]);
  });
});
