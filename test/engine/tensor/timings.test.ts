/** The times of a compiled function's steps. */
import { arange, jit, type PlanTiming, type StepTiming, scan, type Tensor, tensor } from "nabla";
import { describe, expect, test } from "vitest";

const rows = arange(1 << 16)
  .astype("f32")
  .reshape([256, 256]);

const stepsOf = (timings: readonly PlanTiming[]): readonly StepTiming[] =>
  timings.flatMap(({ steps }) => steps);

describe("timings", () => {
  test("name every step, and count only what ran since", async () => {
    const work = jit((x: Tensor) => x.matmul(x).exp().sum(0), { name: "work" });
    await work(rows).data();
    expect(work.timings()).toEqual([]);
    work.time(true);
    const before = stepsOf(work.timings());
    expect(before.map(({ nanoseconds }) => nanoseconds)).toEqual(before.map(() => 0));
    await work(rows).data();
    const once = stepsOf(work.timings());
    expect(once.map(({ step }) => step)).toMatchInlineSnapshot(`
      [
        "gemm 256x256x256: in0 in0, then exp -> a0",
        "fused [256][256]: <sum> (a0) -> out0",
      ]
    `);
    for (const { nanoseconds, note } of once) {
      expect(nanoseconds).toBeGreaterThan(0);
      expect(note).toMatch(/thread/);
    }
    await work(rows).data();
    const twice = stepsOf(work.timings());
    twice.forEach(({ nanoseconds }, i) => {
      expect(nanoseconds).toBeGreaterThan(once[i]?.nanoseconds ?? Number.NaN);
    });
    work.time(false);
    expect(work.timings()).toEqual([]);
  });

  test("a loop's are those of the steps inside it; a plan made later is timed too", async () => {
    const work = jit(
      (x: Tensor, w: Tensor) => scan((h: Tensor) => [h.matmul(w).tanh(), null], x, null, { length: 5 })[0],
    );
    work.time(true);
    await work(
      tensor([[1, 2]]),
      tensor([
        [1, 0],
        [0, 1],
      ]),
    ).data();
    const steps = stepsOf(work.timings());
    const at = steps.findIndex(({ step }) => step.startsWith("loop"));
    const inside = steps.slice(at + 1).reduce((sum, { nanoseconds }) => sum + nanoseconds, 0);
    expect(steps.map(({ step }) => step)).toMatchInlineSnapshot(`
      [
        "fused [2]: copy (in0) -> out0",
        "loop 5 times:",
        "gemm 1x2x2: out0 in1, then tanh -> a0",
        "fused [2]: copy (a0) -> out0",
      ]
    `);
    expect(steps[at]?.nanoseconds).toBe(inside);
  });

  test("values are the same bits", async () => {
    const work = jit((x: Tensor) =>
      x
        .div(256 * 256)
        .sin()
        .matmul(x),
    );
    const plain = await work(rows).data();
    work.time(true);
    expect(await work(rows).data()).toEqual(plain);
  });
});
