/** shrinkAndPerturb: numbers shrink and noise of the size asked for is added, drawn from the key. */
import { random, tensor } from "nabla";
import { shrinkAndPerturb } from "nabla/optim";
import { expect, test } from "vitest";

const params = () => ({
  layers: [{ weight: tensor(new Float32Array(20_000).fill(2)), bias: tensor([3, 3, 3]) }],
});
const weights = async (tree: ReturnType<typeof params>) => [...((await tree.layers[0]?.weight.data()) ?? [])];

test("the mean shrinks and the deviation is that asked for", async () => {
  const values = await weights(shrinkAndPerturb(params(), { shrink: 0.25, deviation: 0.1 }));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  // 5 standard errors of 20,000 numbers
  expect(Math.abs(mean - 0.5)).toBeLessThan((5 * 0.1) / Math.sqrt(20_000));
  expect(Math.abs(Math.sqrt(variance) - 0.1)).toBeLessThan((5 * 0.1) / Math.sqrt(40_000));
});

test("equal keys give equal noise, and tensors have noise of their own", async () => {
  const of = (key: number) => shrinkAndPerturb(params(), { key });
  expect(await weights(of(1))).toEqual(await weights(of(1)));
  expect(await weights(of(1))).not.toEqual(await weights(of(2)));
  expect(await weights(shrinkAndPerturb(params(), { key: random.key(2) }))).toEqual(await weights(of(2)));
  const twins = shrinkAndPerturb({ a: tensor([0, 0]), b: tensor([0, 0]) }, { deviation: 1 });
  expect([...(await twins.a.data())]).not.toEqual([...(await twins.b.data())]);
});

test("without noise it is a product; what the mask leaves out stays; patterns must match", async () => {
  const shrunk = shrinkAndPerturb(params(), { shrink: 0.5, deviation: 0, mask: "**/bias" });
  expect([...((await shrunk.layers[0]?.bias.data()) ?? [])]).toEqual([1.5, 1.5, 1.5]);
  expect(new Set(await weights(shrunk))).toEqual(new Set([2]));
  expect(() => shrinkAndPerturb(params(), { mask: "**/wieght" })).toThrow(/Did you mean "\*\*\/weight"\?$/);
});
