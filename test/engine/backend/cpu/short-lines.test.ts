/** Operands whose lines are short: broadcast over a few channels, one channel of several, few elements a row. */
import { expect, it } from "vitest";
import { referenceBackend } from "../../../../src/engine/backend/reference/index.ts";
import type { DType, Plan } from "../../../../src/engine/ir/index.ts";
import { sizeOf, stridesOf } from "../../../../src/util/index.ts";
import { aval, BodyMaker, everyIsa, numbers, PlanMaker, runPlan, segment } from "./plans.ts";

const reference = referenceBackend();
const devices = everyIsa(2);

async function agree(plan: Plan, inputs: readonly ArrayLike<number>[]): Promise<void> {
  const want = await runPlan(reference, plan, inputs);
  for (const [isa, device] of devices) {
    const got = await runPlan(device, plan, inputs);
    for (const [i, values] of got.outputs.entries())
      expect(values, `${isa}, output ${i}`).toEqual(want.outputs[i]);
  }
}

/** 2 x out of an operand of `count` elements, seen with these strides from `offset` on. */
function seen(
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  count: number,
  stored: DType,
) {
  const maker = new PlanMaker();
  const x = maker.input(aval(stored, count));
  const body = new BodyMaker();
  const value = body.load(stored);
  body.store(body.scalar("add", value, value));
  const out = maker.output(aval("f32", ...shape));
  const to = { buffer: out, offset: 0, strides: stridesOf(shape) };
  maker.step({
    kind: "fused",
    body: body.body(),
    segments: [segment(shape, 0, [{ buffer: x, offset, strides }], [to])],
  });
  return maker.plan();
}

const stored: DType[] = ["f32", "f16", "bf16"];
const values = (count: number, dtype: DType) =>
  dtype === "f32" ? numbers(count) : Float64Array.from({ length: count }, (_, i) => (i % 127) - 63);

it.each(stored)("one number for each of a few channels, %s", async (dtype) => {
  for (const channels of [2, 3, 4, 5, 7, 13, 15, 16, 17]) {
    for (const [rows, pixels] of [
      [3, 100],
      [5, 7],
      [1, 259],
    ] as const) {
      const count = rows * pixels;
      const shape = [rows, pixels, channels];
      await agree(seen(shape, [pixels, 1, 0], 0, count, dtype), [values(count, dtype)]);
      await agree(seen(shape, [1, 0, 0], 0, rows, dtype), [values(rows, dtype)]);
      // Rows apart by more than their pixels.
      await agree(seen(shape, [pixels + 3, 1, 0], 2, rows * (pixels + 3), dtype), [
        values(rows * (pixels + 3), dtype),
      ]);
    }
  }
});

it.each(stored)("channels the other way round, %s", async (dtype) => {
  for (const channels of [2, 3, 4, 6]) {
    const shape = [3, 90, channels];
    const count = sizeOf(shape);
    await agree(seen(shape, [90 * channels, channels, -1], channels - 1, count, dtype), [
      values(count, dtype),
    ]);
    await agree(seen(shape, [1, 3, 270], 0, count, dtype), [values(count, dtype)]);
  }
});

it.each(stored)("one channel of several, to the last element, %s", async (dtype) => {
  for (const channels of [2, 3, 4, 5])
    for (const pixels of [1, 3, 15, 16, 17, 31, 32, 33, 255, 256, 257, 1000])
      for (let channel = 0; channel < channels; channel++) {
        const count = pixels * channels;
        await agree(seen([pixels], [channels], channel, count, dtype), [values(count, dtype)]);
      }
});

it.each(["f32", "i32", "f16", "u8"] satisfies DType[])(
  "gathered rows of a few %s, with a fill",
  async (dtype) => {
    for (const inner of [1, 2, 3, 4, 5])
      for (const fill of [undefined, 7]) {
        const maker = new PlanMaker();
        const src = maker.input(aval(dtype, 2, 9, inner));
        const indices = maker.input(aval("i32", 40));
        const out = maker.output(aval(dtype, 2, 40, inner));
        const kind = { kind: "index", op: "gather", axis: 1, along: false } as const;
        maker.step({ ...kind, ...(fill !== undefined && { fill }), src, indices, out });
        const places = Float64Array.from({ length: 40 }, (_, i) => ((i * 5) % 13) - 2);
        await agree(maker.plan(), [Float64Array.from({ length: 18 * inner }, (_, i) => i), places]);
      }
  },
);
