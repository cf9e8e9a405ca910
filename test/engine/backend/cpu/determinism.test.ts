/** The same bits for any number of threads, and on every instruction set with fused multiply-add. */
import { describe, expect, it } from "vitest";
import { cpuBackend } from "../../../../src/engine/backend/cpu/index.ts";
import type { Backend, MatmulPrecision, Plan } from "../../../../src/engine/ir/index.ts";
import { sizeOf } from "../../../../src/util/index.ts";
import { aval, BodyMaker, everyIsa, f32, numbers, PlanMaker, runPlan, segment, whole } from "./plans.ts";

/** sum, max, argMax and softmax-like stages with exp over `inner` trailing axes, read through `strides`. */
function rowPlan(shape: readonly number[], inner: number, strides: readonly number[]): Plan {
  const rank = shape.length;
  const outer = shape.slice(0, rank - inner);
  const maker = new PlanMaker();
  const x = maker.input(f32(sizeOf(shape)));
  const body = new BodyMaker();
  const value = body.load();
  const shifted = body.scalar("exp", body.scalar("sub", value, body.reduce("max", value)));
  const total = body.reduce("sum", shifted);
  body.store(body.scalar("div", shifted, total));
  body.store(total);
  body.store(body.reduce("argMax", value));
  body.store(body.reduce("sum", value));
  const perRow = (buffer: number) => {
    const access = whole(buffer, outer);
    return { ...access, strides: [...access.strides, ...new Array<number>(inner).fill(0)] };
  };
  const stores = [
    whole(maker.output(f32(...shape)), shape),
    perRow(maker.output(f32(...outer))),
    perRow(maker.output(aval("i32", ...outer))),
    perRow(maker.output(f32(...outer))),
  ];
  maker.step({
    kind: "fused",
    body: body.body(),
    segments: [segment(shape, inner, [{ buffer: x, offset: 0, strides }], stores)],
  });
  return maker.plan();
}

const plans: [string, Plan][] = [
  ["short rows", rowPlan([700, 50], 1, [50, 1])],
  ["long rows", rowPlan([40, 5000], 1, [5000, 1])],
  ["one huge row", rowPlan([1, 200_003], 1, [200_003, 1])],
  ["a few huge rows", rowPlan([3, 50_001], 1, [50_001, 1])],
  ["columns", rowPlan([300, 700], 1, [1, 300])],
  ["long columns", rowPlan([70, 9000], 1, [1, 70])],
  ["rows over two axes", rowPlan([30, 40, 50], 2, [50, 1500, 1])],
];

function gemmPlan(m: number, n: number, k: number, precision: MatmulPrecision = "f32"): Plan {
  const maker = new PlanMaker();
  const [a, b] = [maker.input(f32(m, k)), maker.input(f32(k, n))];
  const body = new BodyMaker();
  body.store(body.scalar("tanh", body.load()));
  maker.step({
    kind: "gemm",
    precision,
    batch: [],
    m,
    n,
    k,
    a: { buffer: a, offset: 0, batchStrides: [], rowStride: k, colStride: 1 },
    b: { buffer: b, offset: 0, batchStrides: [], rowStride: n, colStride: 1 },
    epilogue: {
      body: body.body(),
      segment: segment(
        [m, n],
        0,
        [{ buffer: -1, offset: 0, strides: [n, 1] }],
        [whole(maker.output(f32(m, n)), [m, n])],
      ),
    },
  });
  return maker.plan();
}
plans.push(["gemm", gemmPlan(200, 130, 1100)], ["narrow gemm", gemmPlan(1000, 10, 300)]);
plans.push(["three columns", gemmPlan(9000, 3, 9)], ["one column", gemmPlan(9000, 1, 13)]);
plans.push(["one row", gemmPlan(1, 900, 301)], ["a few results", gemmPlan(4, 7, 9000)]);
plans.push(["gemm in bf16", gemmPlan(200, 130, 1101, "bf16")]);

const run = async (device: Backend, plan: Plan) =>
  (
    await runPlan(
      device,
      plan,
      plan.inputs.map((of, i) => numbers(sizeOf(of.shape), i + 1)),
    )
  ).bytes;

describe.each(plans)("%s", (_, plan) => {
  it("has the same bits for 1, 2, 3 and 5 threads", async () => {
    const [one, ...more] = [1, 2, 3, 5].map((threads) => cpuBackend({ threads }));
    const expected = await run(one as Backend, plan);
    for (const device of more) expect(same(await run(device, plan), expected)).toBe(true);
  });

  it("has the same bits on all instruction sets with fused multiply-add", async () => {
    const fused = everyIsa(2).filter(([isa]) => isa !== "sse2");
    const results = await Promise.all(fused.map(([, device]) => run(device, plan)));
    for (const result of results) expect(same(result, results[0] as Uint8Array[])).toBe(true);
  });
});

it("sums have the same bits on all instruction sets", async () => {
  const maker = new PlanMaker();
  const shapes = [
    [100, 7],
    [9, 300],
    [1, 100_000],
  ] as const;
  const body = new BodyMaker();
  body.store(body.reduce("sum", body.load()));
  for (const shape of shapes) {
    const [x, out] = [maker.input(f32(...shape)), maker.output(f32(shape[0]))];
    const [rows, columns] = [maker.input(f32(...shape)), maker.output(f32(shape[0]))];
    const to = (buffer: number) => ({ buffer, offset: 0, strides: [1, 0] });
    maker.step({
      kind: "fused",
      body: body.body(),
      segments: [segment(shape, 1, [whole(x, shape)], [to(out)])],
    });
    const turned = { buffer: rows, offset: 0, strides: [1, shape[0]] };
    maker.step({ kind: "fused", body: body.body(), segments: [segment(shape, 1, [turned], [to(columns)])] });
  }
  const results = await Promise.all(everyIsa(2).map(([, device]) => run(device, maker.plan())));
  for (const result of results) expect(same(result, results[0] as Uint8Array[])).toBe(true);
});

function same(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((bytes, i) => Buffer.compare(bytes, b[i] as Uint8Array) === 0);
}
