/** mixup and cutmix: images and labels in one proportion, as the papers say. */
import { arange, jit, random, type Tensor, tensor } from "nabla";
import { augment, cutmix, mixup } from "nabla/data";
import { crossEntropy } from "nabla/nn";
import { describe, expect, it } from "vitest";
import { beta, cutWith, mixWith } from "../../../src/data/augment/mix.ts";

const rows = 64;
/** Sample i is i everywhere, and of class i: what an image holds tells whom it is mixed of. */
const images = () => arange(rows).astype("f32").reshape([rows, 1, 1, 1]).broadcastTo([rows, 8, 8, 1]);
const labels = () => arange(rows);

describe("with given parameters", () => {
  const partner = tensor(Int32Array.of(1, 2, 0));
  const three = arange(3).astype("f32").reshape([3, 1, 1, 1]).broadcastTo([3, 4, 4, 1]);

  it("mixup mixes images and labels by lambda", async () => {
    const mixed = mixWith({ images: three, targets: arange(3) }, partner, tensor([0.25, 1, 0.5]), 3);
    expect(await mixed.images.mean([1, 2, 3]).array()).toEqual([0.75, 1, 1]);
    expect(await mixed.targets?.array()).toEqual([
      [0.25, 0.75, 0],
      [0, 1, 0],
      [0.5, 0, 0.5],
    ]);
  });

  it("cutmix gives labels the part of the area the box really has", async () => {
    const centre = [tensor(Int32Array.of(2, 0, 2)), tensor(Int32Array.of(2, 0, 2))] as const;
    // lambda 0.75: a box of half the sides; about a corner a quarter of it is left.
    const mixed = cutWith({ images: three, targets: arange(3) }, partner, tensor([0.75, 0.75, 1]), centre, 3);
    expect(await mixed.targets?.array()).toEqual([
      [0.75, 0.25, 0],
      [0, 0.9375, 0.0625],
      [0, 0, 1],
    ]);
    expect(await mixed.images.slice([0, 1]).reshape([4, 4]).array()).toEqual([
      [0, 0, 0, 0],
      [0, 1, 1, 0],
      [0, 1, 1, 0],
      [0, 0, 0, 0],
    ]);
  });

  it("crossEntropy of mixed labels is the mixed loss", async () => {
    const logits = random.normal(random.key(1), [3, 3]);
    const lambda = 0.3;
    const mixed = mixWith(
      { images: three, targets: arange(3) },
      partner,
      tensor([lambda, lambda, lambda]),
      3,
    );
    const both = crossEntropy(logits, arange(3))
      .mul(lambda)
      .add(crossEntropy(logits, partner).mul(1 - lambda));
    expect(await crossEntropy(logits, mixed.targets as Tensor).item()).toBeCloseTo(await both.item(), 5);
  });
});

describe.each([mixup({ classes: rows, alpha: 1 }), cutmix({ classes: rows })])("$name", (mix) => {
  const run = (key: number) =>
    jit((x: Tensor, y: Tensor, k: Tensor) => augment([mix]).batch(x, y, { key: k }))(
      images(),
      labels(),
      random.key(key),
    );

  it("labels are what the images are made of", async () => {
    const [x, y] = run(7);
    expect(await y.sum(1).sub(1).abs().max().item()).toBeLessThan(1e-5);
    const byLabel = y.mul(arange(rows).astype("f32")).sum(1);
    expect(await x.mean([1, 2, 3]).sub(byLabel).abs().max().item()).toBeLessThan(1e-3);
  });

  it("partners are a permutation", async () => {
    const [, y] = run(8);
    const total = Array.from(await y.gt(0).astype("i32").sum(0).data());
    expect(Math.max(...total)).toBeLessThanOrEqual(2);
  });
});

it.each([0.1, 0.2, 1, 4])("beta(%d) has its mean and variance", async (alpha) => {
  const count = 20_000;
  const values = Array.from(await beta(random.key(5), count, alpha).data());
  const mean = values.reduce((a, b) => a + b) / count;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / count;
  const want = 1 / (4 * (2 * alpha + 1));
  expect(values.every((v) => v >= 0 && v <= 1)).toBe(true);
  expect(Math.abs(mean - 0.5)).toBeLessThan(4 * Math.sqrt(want / count));
  expect(Math.abs(variance - want)).toBeLessThan(0.03 * want);
});

it("a probability leaves the others as they are", async () => {
  const mixed = mixup({ classes: rows, probability: 0, alpha: 1 }).apply(
    { images: images(), targets: labels() },
    { key: random.key(0), range: [0, 1] },
  );
  expect(await mixed.images.data()).toEqual(await images().data());
});

it("labels without classes, and masks, are errors", () => {
  const draw = { key: random.key(0), range: [0, 1] } as const;
  expect(() => mixup().apply({ images: images(), targets: labels() }, draw)).toThrow(
    /number of classes must be given/,
  );
  expect(() => cutmix({ classes: 3 }).apply({ images: images(), masks: images() }, draw)).toThrow(
    /masks and boxes cannot be mixed/,
  );
  expect(() => mixup({ alpha: 0 })).toThrow(/alpha must be above 0/);
});
