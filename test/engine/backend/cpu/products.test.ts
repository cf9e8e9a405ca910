/** Matrix products and convolutions against the reference device, on every instruction set. */
import { describe, it } from "vitest";
import type { ConvStep } from "../../../../src/engine/ir/index.ts";
import { sizeOf, stridesOf } from "../../../../src/util/index.ts";
import { agree } from "./agree.ts";
import { aval, f32, numbers, PlanMaker } from "./plans.ts";
import { biasEpilogue, matmul, plainEpilogue } from "./products.ts";

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
