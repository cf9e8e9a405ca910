/** What follows a convolution or a product in the catalogue's kernels has the interpreter's bits, however its operands lie. */
import { jit, relu, setDefaultDevice, type Tensor, zeros } from "nabla";
import { apply, Conv2d, type Tensors } from "nabla/nn";
import { expect, it } from "vitest";
import type { Plan } from "../../../../src/engine/ir/index.ts";
import { sizeOf } from "../../../../src/util/index.ts";
import { everyIsa, numbers, runPlan } from "./plans.ts";

const images = (size: number, channels: number, ...more: number[]): Plan => {
  const conv = new Conv2d(channels, channels, 3, { padding: 1, bias: false }).init(0);
  const step = (at: Tensors, x: Tensor, more: Tensor) =>
    relu(apply(conv, at, () => conv.forward(x)).add(more));
  return jit(step).planFor(conv.parameters(), zeros([3, size, size, channels]), zeros(more));
};
const products = (columns: number, ...more: number[]): Plan =>
  jit((x: Tensor, w: Tensor, more: Tensor) => relu(x.matmul(w).add(more))).planFor(
    zeros([3, 40, 16]),
    zeros([16, columns]),
    zeros(more),
  );

const plans: [name: string, plan: () => Plan][] = [
  ["a row for each image", () => images(8, 16, 3, 1, 1, 16)],
  ["a row for each image, many channels", () => images(4, 48, 3, 1, 1, 48)],
  ["a row for each line of pixels", () => images(8, 16, 3, 8, 1, 16)],
  ["a row for each column of pixels", () => images(8, 16, 1, 1, 8, 16)],
  ["a number for each pixel", () => images(8, 16, 3, 8, 8, 1)],
  ["a row for each matrix", () => products(16, 3, 1, 16)],
  ["a row for each matrix, many columns", () => products(300, 3, 1, 300)],
  ["a row for each row", () => products(24, 40, 24)],
];

it.each(plans)("%s", async (_, make) => {
  setDefaultDevice("reference"); // only to trace
  const plan = make();
  const inputs = plan.inputs.map(({ shape }, i) => numbers(sizeOf(shape), i + 1));
  for (const threads of [1, 2]) {
    const plain = everyIsa(threads, false);
    for (const [i, [isa, device]] of everyIsa(threads).entries()) {
      const got = await runPlan(device, plan, inputs);
      const want = await runPlan((plain[i] as (typeof plain)[number])[1], plan, inputs);
      expect(got.bytes, `${isa}, ${threads} threads`).toEqual(want.bytes);
    }
  }
});
