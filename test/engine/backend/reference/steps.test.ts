/** Every other kind of step on the reference device, by numbers worked out by hand. */
import { describe, expect, it } from "vitest";
import { ACCUMULATOR, type FusedBody, type Step } from "../../../../src/engine/ir/index.ts";
import { encodeElements } from "../../../../src/engine/ops/index.ts";
import { access, aval, body, buffer, f32, fused, input, load, output, planOf, run, scalar } from "./plans.ts";

describe("other steps", () => {
  const copy = body([load(0)], ["f32"], [[0, "f32"]]);

  it("gemm: strides either way, broadcast batches, epilogue", async () => {
    const bias = body([load(0), load(1), scalar("add", [0, 1])], ["f32", "f32"], [[2, "f32"]]);
    const step: Step = {
      kind: "gemm",
      precision: "f32",
      batch: [2],
      m: 2,
      n: 1,
      k: 2,
      a: { buffer: 0, offset: 3, batchStrides: [0], rowStride: -2, colStride: -1 },
      b: { buffer: 1, offset: 0, batchStrides: [2], rowStride: 1, colStride: 1 },
      epilogue: {
        body: bias,
        segment: {
          shape: [2, 2, 1],
          inner: 0,
          loads: [access(ACCUMULATOR, [0, 0, 0]), access(2, [0, 0, 0])],
          indices: [],
          stores: [access(3, [1, 2, 1])],
        },
      },
    };
    const plan = planOf(
      [input(0, f32(2, 2)), input(1, f32(2, 2, 1)), input(2, f32()), output(0, f32(2, 2))],
      [step],
    );
    // a reversed is [[4,3],[2,1]]; times [1,10] and [2,20]; plus 0.5; stored transposed.
    expect(await run(plan, [[1, 2, 3, 4], [1, 10, 2, 20], [0.5]])).toEqual([[34.5, 68.5, 12.5, 24.5]]);
  });

  it("conv with an epilogue; its gradients", async () => {
    const square = body([load(0), scalar("mul", [0, 0])], ["f32"], [[1, "f32"]]);
    const attrs = { stride: [1], padding: [[1, 0]] as const, dilation: [1], groups: 1 };
    const shapes = { x: [1, 3, 1], w: [2, 1, 1], y: [1, 3, 1] };
    const on = (op: "conv" | "convInputGrad" | "convFilterGrad", of: FusedBody, shape: number[]): Step => ({
      kind: "conv",
      op,
      a: 0,
      b: 1,
      ...attrs,
      ...shapes,
      epilogue: {
        body: of,
        segment: {
          shape,
          inner: 0,
          loads: [access(ACCUMULATOR, [0, 0, 0])],
          indices: [],
          stores: [access(2, [shape[1] as number, 1, 1])],
        },
      },
    });
    const xw = [input(0, f32(1, 3, 1)), input(1, f32(2, 1, 1)), output(0, f32(1, 3, 1))];
    // y = [10 x0, x0 + 10 x1, x1 + 10 x2], squared
    expect(
      await run(planOf(xw, [on("conv", square, [1, 3, 1])]), [
        [1, 2, 3],
        [1, 10],
      ]),
    ).toEqual([[100, 441, 1024]]);
    expect(
      await run(planOf(xw, [on("convInputGrad", copy, [1, 3, 1])]), [
        [1, 2, 3],
        [1, 10],
      ]),
    ).toEqual([[12, 23, 30]]);
    const xg = [input(0, f32(1, 3, 1)), input(1, f32(1, 3, 1)), output(0, f32(2, 1, 1))];
    expect(
      await run(planOf(xg, [on("convFilterGrad", copy, [2, 1, 1])]), [
        [1, 2, 3],
        [1, 1, 1],
      ]),
    ).toEqual([[3, 6]]);
  });

  it("windows, scans, gather, scatter in place, sort, collective", async () => {
    const wide = { window: [2], stride: [1], padding: [[0, 0]] as const, dilation: [1] };
    const steps: Step[] = [
      { kind: "window", op: "reduceWindow", reduce: "max", src: 0, out: 2, ...wide },
      { kind: "window", op: "argWindow", reduce: "max", src: 0, out: 3, ...wide },
      { kind: "window", op: "cumulate", reduce: "sum", axis: 0, reverse: true, src: 0, out: 4 },
      { kind: "index", op: "gather", axis: 0, along: false, src: 0, indices: 1, out: 5 },
      {
        kind: "index",
        op: "scatter",
        mode: "add",
        axis: 0,
        along: false,
        base: 4,
        indices: 1,
        updates: 5,
        out: 4,
      },
      { kind: "sort", axis: 0, descending: true, k: 2, src: 0, out: 6 },
      { kind: "collective", op: "allReduce", axis: 0, src: 0, out: 7 },
    ];
    const outs = [f32(3), aval("i32", 3), f32(4), f32(2), aval("i32", 2), f32(4)].map((of, i) =>
      output(i, of),
    );
    const plan = planOf([input(0, f32(4)), input(1, aval("i32", 2)), ...outs], steps);
    expect(
      await run(plan, [
        [3, 1, 4, 1],
        [2, 9],
      ]),
    ).toEqual([
      [3, 4, 4],
      [0, 2, 2],
      [9, 6, 9, 1],
      [4, Number.NaN],
      [2, 0],
      [3, 1, 4, 1],
    ]);
  });

  it("loops over slices, forwards and backwards, one in another", async () => {
    // carry = carry * 10 + x[i][j]
    const of = body(
      [
        load(0),
        load(1),
        { op: "literal", value: 10, dtype: "f32", level: "inner" },
        scalar("mul", [0, 2]),
        scalar("add", [3, 1]),
      ],
      ["f32", "f32"],
      [
        [4, "f32"],
        [4, "f32"],
      ],
    );
    const step = fused(of, { loads: [access(2, []), access(4, [])], stores: [access(2, []), access(6, [])] });
    const zero = fused(body([{ op: "literal", value: 0, dtype: "f32", level: "inner" }], [], [[0, "f32"]]), {
      stores: [access(2, [])],
    });
    const inner: Step = { kind: "loop", length: 3, reverse: true, steps: [step] };
    const buffers = [
      input(0, f32(2, 3)),
      output(0, f32(2, 3)),
      buffer({ in: "arena", offset: 0 }, f32()),
      buffer({ in: "slice", parent: 0, stride: 12, depth: 0 }, f32(3)),
      buffer({ in: "slice", parent: 3, stride: 4, depth: 1 }, f32()),
      buffer({ in: "slice", parent: 1, stride: 12, depth: 0 }, f32(3)),
      buffer({ in: "slice", parent: 5, stride: 4, depth: 1 }, f32()),
    ];
    const plan = planOf(buffers, [zero, { kind: "loop", length: 2, reverse: false, steps: [inner] }]);
    expect(await run(plan, [[1, 2, 3, 4, 5, 6]])).toEqual([[321, 32, 3, 321654, 32165, 3216]]);
  });

  it("constants, scalars, and memory donated to another dtype", async () => {
    const of = body(
      [
        load(0),
        load(1),
        load(2),
        scalar("mul", [0, 1]),
        scalar("add", [3, 2]),
        { op: "cast", args: [4], to: "i32", dtype: "i32", level: "inner" },
      ],
      ["f32", "f32", "f32"],
      [[5, "i32"]],
    );
    const step = fused(of, {
      shape: [2],
      loads: [access(0, [1]), access(2, [1]), access(3, [0])],
      stores: [access(1, [1])],
    });
    const constant = buffer({ in: "const", data: encodeElements([2, 3], "f32") }, f32(2));
    const plan = planOf(
      [input(0, f32(2)), output(0, aval("i32", 2)), constant, buffer({ in: "scalar", index: 0 }, f32())],
      [step],
      [0],
    );
    expect(await run(plan, [[1.5, 2.5]], [0.75])).toEqual([[3, 8]]);
  });
});
