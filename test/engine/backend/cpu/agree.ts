/** A plan on the cpu device against the reference device, on every instruction set. */
import { expect } from "vitest";
import { referenceBackend } from "../../../../src/engine/backend/reference/index.ts";
import type { Plan } from "../../../../src/engine/ir/index.ts";
import { everyIsa, runPlan } from "./plans.ts";

const reference = referenceBackend();
export const devices = everyIsa(2);

/** Equal outputs, to `tolerance` relative to 1 or to the value where that is larger. */
export async function agree(
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
