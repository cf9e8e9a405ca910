/** The kernel of attention and of its gradient: against f64 on every instruction set, and the same bits on any number of threads. */
import { explain, type Tensor, zeros } from "nabla";
import { MultiHeadAttention, scaledDotProductAttention } from "nabla/nn";
import { describe, expect, it, test } from "vitest";
import { cpuBackend } from "../../../../src/engine/backend/cpu/index.ts";
import { referenceBackend } from "../../../../src/engine/backend/reference/index.ts";
import type { Backend, CompositeStep, Plan } from "../../../../src/engine/ir/index.ts";
import { sizeOf } from "../../../../src/util/index.ts";
import { attentionPlan, type Form, forms } from "./attentions.ts";
import { everyIsa, numbers, runPlan } from "./plans.ts";

const kernels = (plan: Plan): CompositeStep[] =>
  plan.steps.filter((step): step is CompositeStep => step.kind === "composite");

/** Results on a device, which plans for itself. */
async function results(form: Form, device: Backend) {
  const { plan } = attentionPlan(form, device.caps);
  const values = plan.inputs.map(({ shape }, i) => numbers(sizeOf(shape), i + 1).map((x) => 2 * x));
  return runPlan(device, plan, values);
}

describe.each(forms)("$name", (form) => {
  it("is one kernel, and one for the gradient, that hold no scores", () => {
    const { plan } = attentionPlan(form, cpuBackend({ threads: 1 }).caps);
    expect(kernels(plan).map(({ name }) => name)).toEqual(["attention", "attention.backward"]);
    const { batch, heads, queries, keys, width } = form;
    if (keys > 2 * width && queries > 2 * width) {
      const scores = batch * heads * queries * keys;
      const made = plan.buffers.filter(({ place, aval }) => place.in === "arena" && aval.dtype === "f32");
      expect(Math.max(...made.map(({ aval }) => sizeOf(aval.shape)))).toBeLessThan(scores);
    }
  });

  it("gives what its body gives in f64, on every instruction set", async () => {
    const expected = (await results(form, referenceBackend())).outputs;
    for (const [isa, device] of everyIsa(2)) {
      const got = (await results(form, device)).outputs;
      got.forEach((values, n) => {
        const want = expected[n] as Float64Array;
        const scale = Math.max(...want.map(Math.abs));
        const off = Math.max(...values.map((x, i) => Math.abs(x - (want[i] as number))));
        expect(off, `${isa}, result ${n}`).toBeLessThan(3e-6 * scale);
      });
    }
  });

  it("has the same bits on 1, 2, 3 and 5 threads, and wherever multiply-adds fuse", async () => {
    const devices = [1, 2, 3, 5].map((threads) => cpuBackend({ threads }));
    const fused = everyIsa(2).filter(([isa]) => isa !== "sse2");
    const [first, ...others] = await Promise.all(
      [...devices, ...fused.map(([, device]) => device)].map((device) => results(form, device)),
    );
    for (const other of others) expect(other.bytes).toEqual(first?.bytes);
  });
});

test("parts of one projection are read where they are", () => {
  const { plan } = attentionPlan(forms[3] as Form, cpuBackend({ threads: 1 }).caps);
  const [forward] = kernels(plan) as [CompositeStep];
  expect(plan.steps[0]).toBe(forward);
  expect(forward.inputs.map(({ strides }) => strides)).toEqual([0, 1, 2].map(() => [70 * 192, 192, 16, 1]));
  expect(forward.inputs.map(({ offset }) => offset)).toEqual([0, 64, 128]);
});

test("what is given transposed is copied first", () => {
  const [q, k, v] = [zeros([2, 4, 8, 5]), zeros([2, 4, 8, 5]), zeros([2, 4, 5, 8])];
  const turned = (x: Tensor, y: Tensor, z: Tensor) =>
    scaledDotProductAttention(x.transpose(), y.transpose(), z);
  const text = explain(turned, q, k, v);
  expect(text).toMatch(/fused .*: copy \(in0 in1\)/);
  expect(text).toMatch(/: attention \[2,5,4,8\]/);
});

test("explain names the kernel", () => {
  const layer = new MultiHeadAttention(32, { heads: 4, causal: true }).init(0);
  const text = explain((x: Tensor) => layer.forward(x), zeros([2, 48, 32]));
  const lines = text.split("\n");
  const at = lines.findIndex((line) => line.includes("attention"));
  expect(lines[at]).toMatch(/: attention \[2,48,4,8\] \[2,48,4,8\] \[2,48,4,8\], causal: /);
  expect(lines[at + 1]).toMatch(/^ {3}tiles of 64 keys x 32 queries, \d threads?$/);
});
