/** Layers that regularise by what they do to activations: what they drop together, what they keep, and when they do nothing. */
import { grad, ones, random, type Tensor } from "nabla";
import * as nn from "nabla/nn";
import { expectClose } from "nabla/testing";
import { describe, expect, test } from "vitest";

const training = (seed = 0) => nn.context({ train: true, key: seed });
const layers = {
  spatialDropout: nn.spatialDropout,
  dropPath: nn.dropPath,
  alphaDropout: nn.alphaDropout,
  gaussianNoise: nn.gaussianNoise,
};

describe.each(Object.entries(layers))("%s", (name, make) => {
  const x = random.normal(random.key(9), [4, 5, 6]);
  test("is the identity in inference and at 0, and the same for the same key", async () => {
    expect(make(0.5).forward(x)).toBe(x);
    expect(make(0).forward(x, training())).toBe(x);
    const draw = async (seed: number) => [...(await make(0.5).forward(x, training(seed)).data())];
    expect(await draw(1)).toEqual(await draw(1));
    expect(await draw(1)).not.toEqual(await draw(2));
  });

  test("refuses what is no rate, and training without a key", () => {
    const what =
      name === "gaussianNoise"
        ? "deviation must be at least 0 and finite"
        : "rate must be at least 0 and below 1";
    for (const wrong of [-0.1, Number.NaN, name === "gaussianNoise" ? Number.POSITIVE_INFINITY : 1]) {
      expect(() => make(wrong)).toThrow(`${name}: ${what}; got ${wrong}.`);
    }
    expect(() => make(0.5).forward(x, nn.context({ train: true }))).toThrow(
      "a random key must be given when training",
    );
  });
});

/** Which groups are dropped: every group must be all 0 or all `kept`. Groups are [group][element]. */
function dropped(groups: readonly (readonly number[])[], kept: number): number {
  for (const group of groups) {
    expect(new Set(group).size).toBe(1);
    expect([0, kept]).toContain(group[0]);
  }
  return groups.filter(([first]) => first === 0).length;
}

test("SpatialDropout drops channels of samples, a share of them", async () => {
  const y = nn.spatialDropout(0.5).forward(ones([100, 3, 2, 20]), training());
  const groups = (await y.permute([0, 3, 1, 2]).reshape([2000, 6]).array()) as number[][];
  // 2000 channels: the deviation is 22.
  expect(Math.abs(dropped(groups, 2) - 1000)).toBeLessThan(112);
  expect(() => nn.spatialDropout(0.5).forward(ones([3]))).toThrow(
    "SpatialDropout: input must be [N,...,channels]; got f32[3].",
  );
});

test("DropPath drops samples, a share of them, and their gradient", async () => {
  const forward = (x: Tensor) => nn.dropPath(0.75).forward(x, training());
  const x = ones([2000, 3, 2]);
  const groups = (await forward(x).reshape([2000, 6]).array()) as number[][];
  // 2000 samples: the deviation is 19.
  expect(Math.abs(dropped(groups, 4) - 1500)).toBeLessThan(97);
  await expectClose(grad((z: Tensor) => forward(z).sum())(x), forward(x));
});

test("AlphaDropout keeps mean and variance of standard inputs", async () => {
  const x = random.normal(random.key(1), [100_000]);
  const y = nn.alphaDropout(0.3).forward(x, training());
  // 100,000 draws: five deviations of the mean; the variance's is below that by the shorter tails.
  expect(Math.abs(await y.mean().item())).toBeLessThan(5 / Math.sqrt(100_000));
  expect(Math.abs((await y.variance().item()) - 1)).toBeLessThan(0.02);
  // What is dropped is one value, a s + b with s = -1.7581, and three tenths of all.
  const s = -1.0507009873554805 * 1.6732632423543772;
  const scale = (0.7 + s * s * 0.7 * 0.3) ** -0.5;
  const low = Math.fround(s * scale - scale * s * 0.3);
  const share = [...(await y.data())].filter((value) => Math.abs(value - low) < 1e-6).length / 100_000;
  expect(Math.abs(share - 0.3)).toBeLessThan(0.008);
});

test("GaussianNoise adds what it says, and lets the gradient pass", async () => {
  const x = random.normal(random.key(1), [50_000]);
  const forward = (z: Tensor) => nn.gaussianNoise(0.5).forward(z, training());
  const noise = forward(x).sub(x);
  expect(Math.abs(await noise.mean().item())).toBeLessThan((5 * 0.5) / Math.sqrt(50_000));
  expect(Math.abs((await noise.std().item()) - 0.5)).toBeLessThan(5 * (0.5 / Math.sqrt(100_000)));
  await expectClose(grad((z: Tensor) => forward(z).sum())(x), ones([50_000]));
});
