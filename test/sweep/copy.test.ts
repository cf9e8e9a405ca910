/** The primitive that no single plan has: copies between devices, and the way back of their gradients. */
import { fromBytes, gradients, Tensor, tensor } from "nabla";
import { expect, it } from "vitest";
import { dtypes } from "../../src/engine/ir/index.ts";
import { make } from "../../src/engine/ops/index.ts";
import { random } from "./data.ts";
import { isas } from "./devices.ts";

const devices = isas.length > 0 ? ["cpu", "reference"] : ["reference"];
const pairs = devices.flatMap((from) => devices.map((to) => [from, to] as const));

const copied = (x: Tensor, to: string, from: string) =>
  new Tensor(make("copy", [x.node], { device: to, from }));

it.each(pairs)("from %s to %s keeps every bit", async (from, to) => {
  for (const dtype of dtypes) {
    for (const shape of [[], [0], [17], [3, 5]]) {
      const { bytes } = random(`copy ${shape}`, shape, dtype);
      const x = fromBytes(bytes, dtype, shape, from);
      const moved = await x.to(to);
      expect(moved.device).toBe(to);
      expect(await moved.data()).toEqual(await x.data());
      expect(await copied(x, to, from).data()).toEqual(await x.data());
    }
  }
});

it.each(pairs)("from %s to %s in the middle of a computation", async (from, to) => {
  const x = tensor([1, -2, 3], { device: from });
  const y = copied(x.mul(2), to, from).add(tensor([10, 20, 30], { device: to }));
  expect(await y.data()).toEqual(Float32Array.of(12, 16, 36));
  expect(y.device).toBe(to);
});

it.each(pairs)("gradients come back from %s to %s", async (to, from) => {
  const x = tensor([1, -2, 3], { device: from });
  const moved = copied(x.square(), to, from);
  const [grad] = gradients(moved.mul(tensor([1, 10, 100], { device: to })).sum(), [x]);
  expect(await grad?.data()).toEqual(Float32Array.of(2, -40, 600));
  expect(grad?.device).toBe(from);
});
