/** Random numbers: equal keys, independent keys, and the statistics of each distribution (fixed seeds). */
import { random, type Tensor, tensor, zeros } from "nabla";
import { describe, expect, test } from "vitest";
import { randomWord } from "../../../src/engine/ops/index.ts";

const N = 20_000;
const list = async (x: Tensor) => Array.from(await x.data());

function moments(values: readonly number[]) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const central = (p: number) => values.reduce((sum, v) => sum + (v - mean) ** p, 0) / values.length;
  const variance = central(2);
  return { mean, variance, skew: central(3) / variance ** 1.5, kurtosis: central(4) / variance ** 2 };
}

/** Within five standard errors. */
const near = (value: number, expected: number, error: number) =>
  expect(Math.abs(value - expected)).toBeLessThan(5 * error);

/** Largest distance of the empirical distribution function from `cdf`, times sqrt(n): above 1.95 once in a thousand. */
function kolmogorov(values: readonly number[], cdf: (x: number) => number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  const gap = sorted.reduce((worst, x, i) => Math.max(worst, Math.abs(cdf(x) - (i + 0.5) / n)), 0);
  return gap * Math.sqrt(n);
}

/** Abramowitz and Stegun 7.1.26, good to 1.5e-7. */
function normalCdf(z: number): number {
  const t = 1 / (1 + 0.3275911 * (Math.abs(z) / Math.SQRT2));
  const poly =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const upper = 0.5 * poly * Math.exp((-z * z) / 2);
  return z > 0 ? 1 - upper : upper;
}

describe("keys", () => {
  test("bits are Philox of the key and the index", async () => {
    const key = random.key(7);
    const [k0, k1] = (await list(key)) as [number, number];
    const bits = await list(random.bits(key, [3, 50]));
    expect(bits).toEqual(Array.from({ length: 150 }, (_, i) => randomWord(k0, k1, i)));
  });

  test("seeds", async () => {
    const keys = await Promise.all(
      [0, 1, 2, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1].map((seed) => list(random.key(seed))),
    );
    expect(new Set(keys.map(String)).size).toBe(6);
    expect(await list(random.key(42))).toEqual(await list(random.key(42)));
    expect(() => random.key(-1)).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: random.key: the seed must be a whole number from 0 to 2^53 - 1; got -1.]`,
    );
    expect(() => random.key(2 ** 53)).toThrow("random.key");
    expect(() => random.bits(zeros([2]), [1])).toThrow("the key must be u32[2]");
  });

  test("split and foldIn give keys of their own", async () => {
    const key = random.key(3);
    const children = [
      ...random.split(key),
      ...random.split(key, 5).slice(2),
      ...[0, 1, 2, 2 ** 32 - 1].map((i) => random.foldIn(key, i)),
      random.foldIn(random.foldIn(key, 0), 1),
      random.foldIn(random.foldIn(key, 1), 0),
    ];
    const words = await Promise.all([key, ...children].map(list));
    expect(new Set(words.map(String)).size).toBe(words.length);
    expect(children.every((child) => child.dtype === "u32" && child.shape.length === 1)).toBe(true);
    // The first words drawn from the key are nobody's key.
    expect(words.map(String)).not.toContain(String(await list(random.bits(key, [2]))));
    expect(await list(random.foldIn(key, tensor(5, { dtype: "i32" })))).toEqual(
      await list(random.foldIn(key, 5)),
    );
    expect(() => random.foldIn(key, zeros([2], "i32"))).toThrow("one number");
    expect(() => random.foldIn(key, -1)).toThrow("whole number in [0, 2^32)");
  });

  test("streams of related keys are uncorrelated", async () => {
    const key = random.key(11);
    const [a, b] = random.split(key) as [Tensor, Tensor];
    const keys = [key, a, b, random.foldIn(key, 0), random.foldIn(key, 1), random.key(12)];
    const draws = await Promise.all(keys.map(async (k) => list(random.uniform(k, [N]))));
    for (let i = 0; i < draws.length; i++) {
      for (let j = 0; j < i; j++) {
        const products = (draws[i] as number[]).map(
          (u, n) => (u - 0.5) * (((draws[j] as number[])[n] as number) - 0.5),
        );
        near(moments(products).mean, 0, 1 / 12 / Math.sqrt(N));
      }
    }
  });
});

describe("distributions", () => {
  const key = random.key(2024);

  test("uniform", async () => {
    const u = await list(random.uniform(key, [N]));
    expect(Math.min(...u)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...u)).toBeLessThan(1);
    expect(kolmogorov(u, (x) => x)).toBeLessThan(1.95);
    const v = await list(random.uniform(key, [N], { min: -3, max: 5 }));
    expect(kolmogorov(v, (x) => (x + 3) / 8)).toBeLessThan(1.95);
    // A range of two representable numbers would round up to max.
    const narrow = await list(random.uniform(key, [100], { min: 1, max: 1 + 2 ** -23 }));
    expect(new Set(narrow)).toEqual(new Set([1]));
    expect(() => random.uniform(key, [1], { min: 1, max: 1 })).toThrow("min must be below max");
  });

  test("normal", async () => {
    const z = await list(random.normal(key, [N]));
    const { mean, variance, skew, kurtosis } = moments(z);
    near(mean, 0, 1 / Math.sqrt(N));
    near(variance, 1, Math.sqrt(2 / N));
    near(skew, 0, Math.sqrt(6 / N));
    near(kurtosis, 3, Math.sqrt(24 / N));
    expect(kolmogorov(z, normalCdf)).toBeLessThan(1.95);
    const scaled = await list(random.normal(key, [N], { mean: 5, std: 2 }));
    expect(scaled[17]).toBeCloseTo(5 + 2 * (z[17] as number), 5);
    expect(z.every(Number.isFinite)).toBe(true);
  });

  test("truncatedNormal", async () => {
    const z = await list(random.truncatedNormal(key, [N]));
    expect(Math.max(...z.map(Math.abs))).toBeLessThanOrEqual(2);
    const mass = normalCdf(2) - normalCdf(-2);
    expect(kolmogorov(z, (x) => (normalCdf(x) - normalCdf(-2)) / mass)).toBeLessThan(1.95);
    const tail = await list(random.truncatedNormal(key, [1000], { lower: 1, upper: 3, mean: 10, std: 0.1 }));
    expect(Math.min(...tail)).toBeGreaterThanOrEqual(10.0999);
    expect(Math.max(...tail)).toBeLessThanOrEqual(10.3001);
    expect(() => random.truncatedNormal(key, [1], { lower: 2, upper: 1 })).toThrow(
      "lower must be below upper",
    );
  });

  test("bernoulli", async () => {
    const b = await list(random.bernoulli(key, [N], 0.3));
    near(moments(b).mean, 0.3, Math.sqrt(0.21 / N));
    expect(new Set(await list(random.bernoulli(key, [100], 0)))).toEqual(new Set([0]));
    expect(new Set(await list(random.bernoulli(key, [100], 1)))).toEqual(new Set([1]));
    const each = await list(random.bernoulli(key, [N, 2], tensor([0.1, 0.9])));
    near(moments(each.filter((_, i) => i % 2 === 0)).mean, 0.1, Math.sqrt(0.09 / N));
    near(moments(each.filter((_, i) => i % 2 === 1)).mean, 0.9, Math.sqrt(0.09 / N));
    expect(() => random.bernoulli(key, [1], 1.5)).toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: random.bernoulli: p must lie in [0, 1]; got 1.5.]`,
    );
  });

  test("randint", async () => {
    const k = await list(random.randint(key, [N], -3, 4));
    expect(random.randint(key, [1], 0, 2).dtype).toBe("i32");
    const counts = new Map<number, number>();
    for (const v of k) counts.set(v, (counts.get(v) ?? 0) + 1);
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([-3, -2, -1, 0, 1, 2, 3]);
    const expected = N / 7;
    const chi = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(chi).toBeLessThan(22.5); // 6 degrees of freedom, once in a thousand
    expect(await list(random.randint(key, [3], 5, 6))).toEqual([5, 5, 5]);
  });

  test("randint multiplies 64 random bits by the span exactly", async () => {
    const [k0, k1] = (await list(key)) as [number, number];
    const n = 70;
    for (const [low, high] of [
      [0, 10],
      [-(2 ** 31), 2 ** 31],
      [-5, 2 ** 31 - 6],
      [0, 1_000_003],
      [-(2 ** 31), 2 ** 31 - 1],
    ] as const) {
      const drawn = await list(random.randint(key, [n], low, high));
      const exact = Array.from({ length: n }, (_, i) => {
        const word = (BigInt(randomWord(k0, k1, i)) << 32n) | BigInt(randomWord(k0, k1, n + i));
        return low + Number((word * BigInt(high - low)) >> 64n);
      });
      expect(drawn).toEqual(exact);
    }
    expect(() => random.randint(key, [1], 3, 3)).toThrow("low < high");
  });

  test("permutation", async () => {
    const p = await list(random.permutation(key, 1000));
    expect([...p].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(p.slice(0, 20)).not.toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(random.permutation(key, 0).shape).toEqual([0]);
    const rows = await random
      .permutation(
        key,
        tensor([
          [1, 1],
          [2, 2],
          [3, 3],
        ]),
      )
      .array();
    expect((rows as number[][]).map((row) => row[0]).sort()).toEqual([1, 2, 3]);
    // Each of the 6 orders of three about equally often.
    const counts = new Map<string, number>();
    for (let i = 0; i < 600; i++) {
      const order = String(await list(random.permutation(random.foldIn(key, i), 3)));
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    const chi = [...counts.values()].reduce((sum, count) => sum + (count - 100) ** 2 / 100, 0);
    expect(counts.size).toBe(6);
    expect(chi).toBeLessThan(20.6); // 5 degrees of freedom, once in a thousand
  });

  test("gumbel and categorical", async () => {
    const g = await list(random.gumbel(key, [N]));
    expect(kolmogorov(g, (x) => Math.exp(-Math.exp(-x)))).toBeLessThan(1.95);
    expect(g.every(Number.isFinite)).toBe(true);
    const logits = tensor([Math.log(0.2), Math.log(0.5), Math.log(0.3), Number.NEGATIVE_INFINITY]);
    const c = await list(random.categorical(key, logits, { samples: [N] }));
    const share = (k: number) => c.filter((v) => v === k).length / N;
    [0.2, 0.5, 0.3].forEach((p, k) => {
      near(share(k), p, Math.sqrt((p * (1 - p)) / N));
    });
    expect(share(3)).toBe(0);
    expect(random.categorical(key, zeros([5, 7])).shape).toEqual([5]);
    expect(random.categorical(key, zeros([5, 7]), { axis: 0 }).shape).toEqual([7]);
  });
});
