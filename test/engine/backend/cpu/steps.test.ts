/** Every kind of step against the reference device, on every instruction set. */
import { describe, expect, it } from "vitest";
import { referenceBackend } from "../../../../src/engine/backend/reference/index.ts";
import type { ConvStep, DType, Epilogue, GemmStep, Plan } from "../../../../src/engine/ir/index.ts";
import { encodeElements } from "../../../../src/engine/ops/index.ts";
import { sizeOf, stridesOf } from "../../../../src/util/index.ts";
import { aval, BodyMaker, everyIsa, f32, numbers, PlanMaker, runPlan, segment, whole } from "./plans.ts";

const reference = referenceBackend();
const devices = everyIsa(2);

async function agree(
  plan: Plan,
  inputs: readonly ArrayLike<number>[],
  tolerance = 0,
  scalars: readonly number[] = [],
) {
  const expected = await runPlan(reference, plan, inputs, scalars);
  for (const [isa, device] of devices) {
    const mine = await runPlan(device, plan, inputs, scalars);
    mine.outputs.forEach((values, output) => {
      const want = expected.outputs[output] as Float64Array;
      const wrong = values.findIndex((value, i) => !close(value, want[i] as number, tolerance));
      if (wrong >= 0)
        expect.fail(`${isa}: output ${output} at ${wrong}: ${values[wrong]}, not ${want[wrong]}`);
    });
  }
}

const close = (a: number, b: number, tolerance: number) =>
  Object.is(a, b) || a === b || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b));

const accumulator = (shape: readonly number[]) => ({ buffer: -1, offset: 0, strides: stridesOf(shape) });

function plainEpilogue(out: number, shape: readonly number[], strides = stridesOf(shape)): Epilogue {
  const body = new BodyMaker();
  body.store(body.load());
  return {
    body: body.body(),
    segment: segment(shape, 0, [accumulator(shape)], [{ buffer: out, offset: 0, strides }]),
  };
}

/** relu(x + bias[last axis]), also kept as f16. */
function biasEpilogue(out: number, half: number, bias: number, shape: readonly number[]): Epilogue {
  const body = new BodyMaker();
  const sum = body.scalar("add", body.load(), body.load());
  const relu = body.scalar("max", sum, body.literal(0));
  body.store(relu);
  body.store(relu, "f16");
  const along = shape.map((_, axis) => (axis === shape.length - 1 ? 1 : 0));
  const loads = [accumulator(shape), { buffer: bias, offset: 0, strides: along }];
  return { body: body.body(), segment: segment(shape, 0, loads, [whole(out, shape), whole(half, shape)]) };
}

const matmul = (
  batch: readonly number[],
  m: number,
  n: number,
  k: number,
  a: number,
  b: number,
): Omit<GemmStep, "epilogue"> => ({
  kind: "gemm",
  precision: "f32",
  batch,
  m,
  n,
  k,
  a: {
    buffer: a,
    offset: 0,
    batchStrides: stridesOf([...batch, m, k]).slice(0, batch.length),
    rowStride: k,
    colStride: 1,
  },
  b: {
    buffer: b,
    offset: 0,
    batchStrides: stridesOf([...batch, k, n]).slice(0, batch.length),
    rowStride: n,
    colStride: 1,
  },
});

describe("gemm", () => {
  it.each([
    [[], 1, 1, 1],
    [[], 33, 10, 70],
    [[], 32, 128, 784],
    [[], 7, 300, 5],
    [[2, 3], 5, 17, 9],
    [[], 4, 5, 0],
    [[], 0, 5, 3],
    [[3], 200, 3, 40],
  ])("batch %j, %i x %i x %i, plain and with an epilogue", async (batch, m, n, k) => {
    const shape = [...batch, m, n];
    const maker = new PlanMaker();
    const a = maker.input(f32(...batch, m, k));
    const b = maker.input(f32(...batch, k, n));
    const bias = maker.input(f32(n));
    const product = matmul(batch, m, n, k, a, b);
    maker.step({ ...product, epilogue: plainEpilogue(maker.output(f32(...shape)), shape) });
    const [out, half] = [maker.output(f32(...shape)), maker.output(aval("f16", ...shape))];
    maker.step({ ...product, epilogue: biasEpilogue(out, half, bias, shape) });
    // The result transposed: the store, not the product, moves.
    const turned = [...batch, n, m];
    const strides = stridesOf(turned);
    [strides[batch.length], strides[batch.length + 1]] = [
      strides[batch.length + 1] as number,
      strides[batch.length] as number,
    ];
    maker.step({ ...product, epilogue: plainEpilogue(maker.output(f32(...turned)), shape, strides) });
    const inputs = [numbers(sizeOf(batch) * m * k, 1), numbers(sizeOf(batch) * k * n, 2), numbers(n, 3)];
    await agree(maker.plan(), inputs, 1e-3);
  });

  it("takes transposed, broadcast and offset operands", async () => {
    const maker = new PlanMaker();
    const a = maker.input(f32(40, 30));
    const b = maker.input(f32(50, 40));
    const out = maker.output(f32(4, 29, 50));
    maker.step({
      kind: "gemm",
      precision: "f32",
      batch: [4],
      m: 29,
      n: 50,
      k: 40,
      a: { buffer: a, offset: 1, batchStrides: [0], rowStride: 1, colStride: 30 },
      b: { buffer: b, offset: 0, batchStrides: [0], rowStride: 1, colStride: 40 },
      epilogue: plainEpilogue(out, [4, 29, 50]),
    });
    await agree(maker.plan(), [numbers(1200), numbers(2000, 2)], 1e-5);
  });
});

describe("conv", () => {
  const forms = [
    {
      x: [2, 9, 8, 6],
      w: [3, 2, 3, 4],
      y: [2, 5, 4, 4],
      stride: [2, 2],
      padding: [
        [1, 1],
        [0, 1],
      ],
      dilation: [1, 1],
      groups: 2,
    },
    { x: [1, 7, 5], w: [3, 5, 3], y: [1, 3, 3], stride: [1], padding: [[0, 0]], dilation: [2], groups: 1 },
    {
      x: [2, 8, 8, 3],
      w: [3, 3, 3, 8],
      y: [2, 8, 8, 8],
      stride: [1, 1],
      padding: [
        [1, 1],
        [1, 1],
      ],
      dilation: [1, 1],
      groups: 1,
    },
  ] as const;
  const parts = {
    conv: ["x", "w", "y"],
    convInputGrad: ["y", "w", "x"],
    convFilterGrad: ["x", "y", "w"],
  } as const;
  it.each(
    forms.flatMap((form) =>
      (["conv", "convInputGrad", "convFilterGrad"] as const).map((op) => [op, form] as const),
    ),
  )("%s %j, plain and with an epilogue", async (op, form) => {
    const [p, q, r] = parts[op].map((name) => [...form[name]]) as [number[], number[], number[]];
    const maker = new PlanMaker();
    const [a, b, bias] = [
      maker.input(f32(...p)),
      maker.input(f32(...q)),
      maker.input(f32(r.at(-1) as number)),
    ];
    const padding = form.padding.map(([lo, hi]) => [lo, hi] as const);
    const step: Omit<ConvStep, "epilogue"> = { ...form, padding, kind: "conv", op, a, b };
    maker.step({ ...step, epilogue: plainEpilogue(maker.output(f32(...r)), r) });
    const [out, half] = [maker.output(f32(...r)), maker.output(aval("f16", ...r))];
    maker.step({ ...step, epilogue: biasEpilogue(out, half, bias, r) });
    await agree(
      maker.plan(),
      [numbers(sizeOf(p)), numbers(sizeOf(q), 2), numbers(r.at(-1) as number, 3)],
      1e-3,
    );
  });
});

describe("windows and scans", () => {
  const window = {
    window: [1, 3, 2, 1],
    stride: [1, 2, 2, 1],
    padding: [
      [0, 0],
      [1, 1],
      [0, 1],
      [0, 0],
    ],
    dilation: [1, 1, 1, 1],
  } as const;
  const out = [2, 4, 4, 5];
  it.each(["sum", "max"] as const)("reduceWindow %s", async (reduce) => {
    const maker = new PlanMaker();
    const src = maker.input(f32(2, 7, 7, 5));
    maker.step({
      ...window,
      kind: "window",
      op: "reduceWindow",
      reduce,
      src,
      out: maker.output(f32(...out)),
    });
    await agree(maker.plan(), [numbers(490)], 1e-6);
  });
  it("argWindow", async () => {
    const maker = new PlanMaker();
    const src = maker.input(f32(2, 7, 7, 5));
    maker.step({
      ...window,
      kind: "window",
      op: "argWindow",
      reduce: "max",
      src,
      out: maker.output(aval("i32", ...out)),
    });
    await agree(maker.plan(), [numbers(490)]);
  });
  it.each(["sum", "max", "prod"] as const)("cumulate %s", async (reduce) => {
    const maker = new PlanMaker();
    const src = maker.input(f32(3, 20, 4));
    for (const reverse of [false, true]) {
      maker.step({
        kind: "window",
        op: "cumulate",
        reduce,
        axis: 1,
        reverse,
        src,
        out: maker.output(f32(3, 20, 4)),
      });
    }
    await agree(maker.plan(), [numbers(240)], 1e-5);
  });
});

describe("gather, scatter and sort", () => {
  const dtypes: DType[] = ["f32", "i32", "bool", "f16", "i8", "u8"];
  const indices = [2, 0, 9, -1, 3, 3];
  it.each(dtypes)("gather of %s, out of range too", async (dtype) => {
    const maker = new PlanMaker();
    const src = maker.input(aval(dtype, 3, 4, 5));
    const flat = maker.input(aval("i32", 2, 3));
    const along = maker.input(aval("i32", 3, 6, 5));
    maker.step({
      kind: "index",
      op: "gather",
      axis: 1,
      along: false,
      src,
      indices: flat,
      out: maker.output(aval(dtype, 3, 2, 3, 5)),
    });
    maker.step({
      kind: "index",
      op: "gather",
      axis: 1,
      along: true,
      src,
      indices: along,
      out: maker.output(aval(dtype, 3, 6, 5)),
    });
    const values = Float64Array.from({ length: 60 }, (_, i) =>
      dtype === "bool" ? i % 2 : (i % 100) - (dtype === "u8" ? 0 : 50),
    );
    await agree(maker.plan(), [values, indices, Float64Array.from({ length: 90 }, (_, i) => (i % 7) - 1)]);
  });
  it.each([
    ["f32", "add"],
    ["i32", "add"],
    ["f32", "set"],
    ["i8", "set"],
    ["u8", "set"],
  ] as const)("scatter of %s, %s", async (dtype, mode) => {
    const maker = new PlanMaker();
    const base = maker.input(aval(dtype, 3, 4, 5));
    const flat = maker.input(aval("i32", 6));
    const updates = maker.input(aval(dtype, 3, 6, 5));
    const along = maker.input(aval("i32", 3, 6, 5));
    const given = maker.input(aval(dtype, 3, 4, 5), true);
    maker.step({
      kind: "index",
      op: "scatter",
      mode,
      axis: 1,
      along: false,
      base,
      indices: flat,
      updates,
      out: maker.output(aval(dtype, 3, 4, 5)),
    });
    maker.step({
      kind: "index",
      op: "scatter",
      mode,
      axis: 1,
      along: true,
      base,
      indices: along,
      updates,
      out: maker.output(aval(dtype, 3, 4, 5)),
    });
    maker.step({
      kind: "index",
      op: "scatter",
      mode,
      axis: 1,
      along: false,
      base: given,
      indices: flat,
      updates,
      out: given,
    });
    maker.giveBack(given);
    const values = Float64Array.from({ length: 60 }, (_, i) => (i % 100) - 50);
    const changes = Float64Array.from({ length: 90 }, (_, i) => (i % 5) - 2);
    const places = Float64Array.from({ length: 90 }, (_, i) => (i % 7) - 1);
    await agree(maker.plan(), [values, indices, changes, places, values]);
  });
  it.each([false, true])("sort, descending %s", async (descending) => {
    const maker = new PlanMaker();
    const src = maker.input(f32(3, 40, 2));
    maker.step({ kind: "sort", axis: 1, descending, k: 7, src, out: maker.output(aval("i32", 3, 7, 2)) });
    const values = numbers(240);
    values[5] = Number.NaN;
    await agree(maker.plan(), [values]);
  });
});

describe("loops", () => {
  it("carry a value and read and write slices, nested and reversed", async () => {
    const [outer, inner, n] = [4, 3, 20];
    const maker = new PlanMaker();
    const carry = maker.input(f32(n), true);
    const xs = maker.input(f32(outer, inner, n));
    const ys = maker.output(f32(outer, n));
    const x0 = maker.slice(xs, f32(inner, n), 0);
    const x1 = maker.slice(x0, f32(n), 1);
    const y0 = maker.slice(ys, f32(n), 0);
    const add = new BodyMaker();
    add.store(add.scalar("add", add.scalar("mul", add.load(), add.literal(0.5)), add.load()));
    const copy = new BodyMaker();
    copy.store(copy.load());
    const at = (buffer: number) => whole(buffer, [n]);
    maker.step({
      kind: "loop",
      length: outer,
      reverse: true,
      steps: [
        {
          kind: "loop",
          length: inner,
          reverse: false,
          steps: [
            {
              kind: "fused",
              body: add.body(),
              segments: [segment([n], 0, [at(carry), at(x1)], [at(carry)])],
            },
          ],
        },
        { kind: "fused", body: copy.body(), segments: [segment([n], 0, [at(carry)], [at(y0)])] },
      ],
    });
    maker.giveBack(carry);
    await agree(maker.plan(), [numbers(n), numbers(outer * inner * n, 2)], 1e-6);
  });

  it("with large bodies run on all threads", async () => {
    const n = 200_000;
    const maker = new PlanMaker();
    const carry = maker.input(f32(n), true);
    const xs = maker.input(f32(3, n));
    const x = maker.slice(xs, f32(n), 0);
    const body = new BodyMaker();
    body.store(body.scalar("tanh", body.scalar("add", body.load(), body.load())));
    maker.step({
      kind: "loop",
      length: 3,
      reverse: false,
      steps: [
        {
          kind: "fused",
          body: body.body(),
          segments: [segment([n], 0, [whole(carry, [n]), whole(x, [n])], [whole(carry, [n])])],
        },
      ],
    });
    maker.giveBack(carry);
    await agree(maker.plan(), [numbers(n), numbers(3 * n, 2)], 1e-6);
  });
});

describe("what a plan holds", () => {
  it("constants, scalars of every type and arena buffers", async () => {
    const n = 5;
    const maker = new PlanMaker();
    const table = maker.constant(f32(n), [1, 2, 3, 4, 5]);
    const between = maker.arena(f32(n));
    const [rate, steps, flag] = [maker.scalar("f32"), maker.scalar("i32"), maker.scalar("bool")];
    const body = new BodyMaker();
    const product = body.scalar("mul", body.load(), body.load("f32"));
    const count = body.cast(body.load("i32"), "f32");
    body.store(body.scalar("where", body.load("bool"), body.scalar("add", product, count), product));
    const still = (buffer: number) => ({ buffer, offset: 0, strides: [0] });
    maker.step({
      kind: "fused",
      body: body.body(),
      segments: [
        segment([n], 0, [whole(table, [n]), still(rate), still(steps), still(flag)], [whole(between, [n])]),
      ],
    });
    maker.step({ kind: "collective", op: "allReduce", axis: 0, src: between, out: maker.output(f32(n)) });
    await agree(maker.plan(), [], 0, [0.5, -3, 1]);
    await agree(maker.plan(), [], 0, [2, 7, 0]);
  });

  it("random words, counted on and scattered", async () => {
    const n = 1000;
    const maker = new PlanMaker();
    const key = maker.input(aval("u32", 2));
    const body = new BodyMaker();
    const word = body.random(body.load("u32"), body.load("u32"), body.index("u32"));
    body.store(word);
    const loads = [0, 1].map((offset) => ({ buffer: key, offset, strides: [0] }));
    const counters = [
      { offset: 0, strides: [1] },
      { offset: 37, strides: [1] },
      { offset: 4294967000, strides: [1] },
      { offset: 5, strides: [3] },
    ];
    for (const index of counters) {
      const out = maker.output(aval("u32", n));
      maker.step({
        kind: "fused",
        body: body.body(),
        segments: [segment([n], 0, loads, [whole(out, [n])], [index])],
      });
    }
    await agree(maker.plan(), [[0x12345678, 0x9abcdef0]]);
  });
});

it("writes in place of what it reads: one Adam step over several tensors", async () => {
  const sizes = [1, 10, 256, 1000, 30_000];
  const body = new BodyMaker();
  const [p, g, m, v] = [body.load(), body.load(), body.load(), body.load()];
  const [rate, c1, c2] = [body.load(), body.load(), body.load()];
  const mul = (a: number, b: number) => body.scalar("mul", a, b);
  const first = body.scalar("add", mul(body.literal(0.9), m), mul(body.literal(0.1), g));
  const second = body.scalar("add", mul(body.literal(0.999), v), mul(body.literal(0.001), mul(g, g)));
  const root = body.scalar("add", body.scalar("sqrt", body.scalar("div", second, c2)), body.literal(1e-8));
  body.store(body.scalar("sub", p, mul(rate, body.scalar("div", body.scalar("div", first, c1), root))));
  body.store(first);
  body.store(second);
  const maker = new PlanMaker();
  const scalars = [maker.scalar("f32"), maker.scalar("f32"), maker.scalar("f32")];
  const inputs: ArrayLike<number>[] = [];
  const segments = sizes.map((n) => {
    const own = [true, false, true, true].map((donated) => {
      inputs.push(numbers(n, inputs.length + 1).map(donated ? Math.abs : (x) => x));
      return maker.input(f32(n), donated);
    });
    const loads = [
      ...own.map((buffer) => whole(buffer, [n])),
      ...scalars.map((buffer) => ({ buffer, offset: 0, strides: [0] })),
    ];
    const stores = [0, 2, 3].map((which) => whole(own[which] as number, [n]));
    for (const which of [0, 2, 3]) maker.giveBack(own[which] as number);
    return segment([n], 0, loads, stores);
  });
  maker.step({ kind: "fused", body: body.body(), segments });
  await agree(maker.plan(), inputs, 1e-6, [1e-3, 0.1, 0.001]);
});

it("swaps two tensors in place", async () => {
  const n = 300;
  const maker = new PlanMaker();
  const [a, b] = [maker.input(f32(n), true), maker.input(f32(n), true)];
  const body = new BodyMaker();
  const [x, y] = [body.load(), body.load()];
  body.store(y);
  body.store(x);
  maker.step({
    kind: "fused",
    body: body.body(),
    segments: [segment([n], 0, [whole(a, [n]), whole(b, [n])], [whole(a, [n]), whole(b, [n])])],
  });
  maker.giveBack(a);
  maker.giveBack(b);
  for (const [, device] of devices) {
    const { bytes } = await runPlan(device, maker.plan(), [numbers(n, 1), numbers(n, 2)]);
    expect(bytes).toEqual([encodeElements(numbers(n, 2), "f32"), encodeElements(numbers(n, 1), "f32")]);
  }
});
