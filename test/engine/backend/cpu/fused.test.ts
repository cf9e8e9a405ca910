/** Fused kernels of every form against the reference device. */
import { describe, expect, it } from "vitest";
import { referenceBackend } from "../../../../src/engine/backend/reference/index.ts";
import { everyIsa, runPlan } from "./plans.ts";
import { randomKernel } from "./random-kernels.ts";

const reference = referenceBackend();
const devices = everyIsa(2);

describe("random kernels of whole numbers agree exactly with the reference", () => {
  it.each([
    ["maps", false],
    ["rows", true],
  ])("%s", async (_, rows) => {
    for (let seed = 0; seed < 150; seed++) {
      const { plan, inputs, what } = randomKernel(seed, rows);
      const expected = await runPlan(reference, plan, inputs);
      for (const [isa, device] of devices) {
        const mine = await runPlan(device, plan, inputs);
        const differs = mine.outputs.findIndex(
          (values, i) => !equal(values, expected.outputs[i] as Float64Array),
        );
        if (differs >= 0)
          expect(mine.outputs[differs], `${isa}, ${what}, output ${differs}`).toEqual(
            expected.outputs[differs],
          );
      }
    }
  });
});

const equal = (a: Float64Array, b: Float64Array) =>
  a.length === b.length && a.every((x, i) => x === b[i] || Object.is(x, b[i]));
