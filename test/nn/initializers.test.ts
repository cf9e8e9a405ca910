/** Initialisers: their moments and limits, against the formulas. */
import { random } from "nabla";
import * as nn from "nabla/nn";
import { describe, expect, test } from "vitest";

const SHAPE = [300, 200];
async function moments(initializer: nn.Initializer, shape = SHAPE) {
  const values = [...(await initializer(random.key(5), shape).data())];
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  const extent = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return { mean, variance, extent };
}

// 60,000 draws: the variance's relative deviation is at most sqrt(2 / 60000) = 0.6 %.
describe.each([
  ["xavierUniform", nn.xavierUniform, 2 / 500, Math.sqrt(6 / 500)],
  ["xavierNormal", nn.xavierNormal, 2 / 500, null],
  ["heUniform", nn.heUniform, 2 / 300, Math.sqrt(6 / 300)],
  ["heNormal", nn.heNormal, 2 / 300, null],
  ["lecunUniform", nn.lecunUniform, 1 / 300, Math.sqrt(3 / 300)],
  ["lecunNormal", nn.lecunNormal, 1 / 300, null],
  ["uniform", nn.uniform(-0.5, 0.5), 1 / 12, 0.5],
  ["normal", nn.normal(0.3), 0.09, null],
  [
    "varianceScaling truncated",
    nn.varianceScaling(1, "fanOut", "truncatedNormal"),
    1 / 200,
    2 / Math.sqrt(200) / 0.8796256610342398,
  ],
] as const)("%s", (_name, initializer, variance, limit) => {
  test("has the variance and limits it should", async () => {
    const got = await moments(initializer);
    expect(Math.abs(got.mean)).toBeLessThan(5 * Math.sqrt(variance / 60000));
    expect(Math.abs(got.variance / variance - 1)).toBeLessThan(0.03);
    if (limit !== null) {
      expect(got.extent).toBeLessThanOrEqual(limit * (1 + 1e-6));
      expect(got.extent).toBeGreaterThan(limit * 0.98);
    }
  });
});

test("truncatedNormal ends at two deviations and keeps its mean", async () => {
  const got = await moments(nn.truncatedNormal(0.5, 3));
  expect(Math.abs(got.mean - 3)).toBeLessThan(0.01);
  expect(got.extent).toBeLessThanOrEqual(4 + 1e-6);
  expect(Math.sqrt(got.variance)).toBeCloseTo(0.5 * 0.87962566, 2);
});

test("constants", async () => {
  const of = async (initializer: nn.Initializer) => [...(await initializer(random.key(0), [3]).data())];
  expect(await of(nn.zeros)).toEqual([0, 0, 0]);
  expect(await of(nn.ones)).toEqual([1, 1, 1]);
  expect(await of(nn.constant(2.5))).toEqual([2.5, 2.5, 2.5]);
});

test("the fans of a conv weight count its kernel", () => {
  expect(nn.fans([3, 3, 16, 32])).toEqual({ fanIn: 144, fanOut: 288 });
  expect(nn.fans([784, 128])).toEqual({ fanIn: 784, fanOut: 128 });
  expect(() => nn.fans([5])).toThrow("initialiser: a weight must have at least two axes");
});
