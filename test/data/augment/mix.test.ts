/** mixup and cutmix: images and labels in one proportion, as the papers say. */
import { arange, jit, random, type Tensor, tensor } from "nabla";
import { augment, cutmix, mixup } from "nabla/data";
import { crossEntropy } from "nabla/nn";
import { describe, expect, it } from "vitest";
import { beta, cutWith, mixWith } from "../../../src/data/augment/mix.ts";
import golden from "./goldens/augment.json" with { type: "json" };

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

describe("what is drawn", () => {
  const [batch, batches] = [256, 16];
  /** Of each sample its own share in its label, of many batches. */
  async function ownShares(mix: ReturnType<typeof mixup>, size: number): Promise<number[]> {
    const images = tensor(0).broadcastTo([batch, size, size, 1]);
    const own = jit((key: Tensor) => {
      const [, y] = augment([mix]).batch(images, arange(batch), { key });
      return y.takeAlongAxis(arange(batch).reshape([batch, 1]), 1);
    });
    const shares = Array.from({ length: batches }, async (_, i) =>
      Array.from(await own(random.key(i)).data()),
    );
    return (await Promise.all(shares)).flat();
  }

  it.each(golden.betas)("mixup's shares are Beta($alpha, $alpha)", async ({ alpha, levels, quantiles }) => {
    const shares = await ownShares(mixup({ alpha, classes: batch }), 1);
    // Kolmogorov's bound, which 1 sample of 1,000 goes beyond; whoever is its own partner has share 1.
    const bound = 1.95 / Math.sqrt(shares.length) + 1 / batch;
    for (const [i, level] of levels.entries()) {
      const below = shares.filter((share) => share <= (quantiles[i] as number)).length / shares.length;
      expect(Math.abs(below - level)).toBeLessThan(bound);
    }
  });

  it("cutmix's boxes have their part of the area, less what the border cuts off", async () => {
    const size = 64;
    // Of so great an alpha lambda is 1/2 to three digits: a box of sqrt(1/2) of each side, about any pixel alike.
    const half = Math.floor(0.5 * Math.sqrt(0.5) * size);
    const lengths = Array.from(
      { length: size },
      (_, centre) => Math.min(size, centre + half) - Math.max(0, centre - half),
    );
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
    const squares = mean(lengths.map((length) => length ** 2)) ** 2 / size ** 4;
    const wanted = (mean(lengths) / size) ** 2;
    const parts = (await ownShares(cutmix({ alpha: 1e6, classes: batch }), size)).map((share) => 1 - share);
    const deviation = Math.sqrt((squares - wanted ** 2) / parts.length);
    expect(Math.abs(mean(parts) - wanted)).toBeLessThan(4 * deviation + wanted / batch);
    expect(Math.max(...parts)).toBeCloseTo((2 * half) ** 2 / size ** 2, 6);
  });

  it("cutmix's box in the middle has 1 - lambda of the area, rounded to pixels", async () => {
    const [size, count] = [32, 50];
    const lambdas = Float32Array.from({ length: count }, (_, i) => (i + 0.5) / count);
    const middle = tensor(new Int32Array(count).fill(size / 2));
    const own = arange(count).astype("f32").reshape([count, 1]);
    const images = own.reshape([count, 1, 1, 1]).broadcastTo([count, size, size, 1]);
    const partner = tensor(Int32Array.from({ length: count }, (_, i) => (i + 1) % count));
    const mixed = cutWith({ images, targets: own }, partner, tensor(lambdas), [middle, middle]);
    const foreign = await mixed.images.ne(images).astype("f32").mean([1, 2, 3]).data();
    const targets = await (mixed.targets as Tensor).data();
    for (const [i, lambda] of lambdas.entries()) {
      const side = Math.sqrt(1 - lambda) * size;
      const part = foreign[i] as number;
      expect(Math.sqrt(part) * size).toBeLessThanOrEqual(side + 1e-3);
      expect(Math.sqrt(part) * size).toBeGreaterThan(side - 2);
      // The label has the part that is there, not the one that was drawn.
      expect(targets[i]).toBeCloseTo((1 - part) * i + part * ((i + 1) % count), 4);
    }
  });
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
