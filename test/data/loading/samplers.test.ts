/** Samplers: what each epoch has, against what it must have and against the distributions asked for. */
import fc from "fast-check";
import {
  bucketed,
  classBalanced,
  dataset,
  loader,
  permutation,
  sequential,
  shuffled,
  weighted,
} from "nabla/data";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/util/index.ts";

const at = (seed: number, epoch: number, batchSize = 4) => ({ seed, epoch, batchSize });
const sorted = (rows: Iterable<number>) => [...rows].sort((a, b) => a - b);
const all = (length: number) => Array.from({ length }, (_, row) => row);
const counts = (rows: Iterable<number>, length: number): number[] => {
  const list = new Array<number>(length).fill(0);
  for (const row of rows) list[row] = (list[row] as number) + 1;
  return list;
};

/** Pearson's statistic of counts against the probabilities they should follow. */
function chiSquare(seen: readonly number[], expected: readonly number[]): number {
  const draws = seen.reduce((sum, count) => sum + count, 0);
  return seen.reduce((sum, count, i) => {
    const mean = draws * (expected[i] as number);
    return mean === 0 ? sum : sum + (count - mean) ** 2 / mean;
  }, 0);
}

it("shuffled and sequential have every row once, bucketed too, for any size and batch size", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 70 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 9 }),
      fc.nat(1000),
      fc.nat(50),
      (length, batchSize, buckets, seed, epoch) => {
        const lengths = all(length).map((row) => (row * 7919) % 13);
        for (const sampler of [shuffled(), sequential(), bucketed(lengths, { buckets })]) {
          expect(sampler.size(length)).toBe(length);
          const order = sampler.order(length, at(seed, epoch, batchSize));
          expect(sorted(order)).toEqual(all(length));
          expect(sampler.order(length, at(seed, epoch, batchSize))).toEqual(order);
        }
      },
    ),
  );
  expect(shuffled().order(20, at(3, 2))).toEqual(permutation(20, 3, 2));
});

describe("weighted", () => {
  const weights = [1, 0, 2, 5, 0.5, 1.5];
  const total = 10;

  it("draws as often as the weights say (chi-square at fixed seeds), never a row of weight 0", () => {
    const sampler = weighted(weights, { count: 20_000 });
    for (const seed of [1, 2, 3]) {
      const seen = counts(sampler.order(6, at(seed, 0)), 6);
      expect(seen[1]).toBe(0);
      // 4 degrees of freedom: 18.47 has probability 0.001.
      expect(
        chiSquare(
          seen,
          weights.map((weight) => weight / total),
        ),
      ).toBeLessThan(18.47);
    }
    expect(sampler.order(6, at(1, 0))).not.toEqual(sampler.order(6, at(1, 1)));
  });

  it("without replacement, draws each row once, the first by weight and the second by what is left", () => {
    const sampler = weighted(weights, { replacement: false });
    expect(sampler.size(6)).toBe(5);
    const [firsts, seconds]: [number[], number[]] = [[], []];
    for (let epoch = 0; epoch < 8000; epoch++) {
      const order = sampler.order(6, at(9, epoch));
      if (epoch < 50) expect(sorted(order)).toEqual([0, 2, 3, 4, 5]);
      firsts.push(order[0] as number);
      seconds.push(order[1] as number);
    }
    expect(
      chiSquare(
        counts(firsts, 6),
        weights.map((weight) => weight / total),
      ),
    ).toBeLessThan(18.47);
    const second = weights.map((weight, row) =>
      weights.reduce(
        (sum, first, other) => (other === row ? sum : sum + ((first / total) * weight) / (total - first)),
        0,
      ),
    );
    expect(chiSquare(counts(seconds, 6), second)).toBeLessThan(18.47);
  });

  it("stands huge and tiny weights, and refuses wrong ones", () => {
    const order = weighted([1e308, 1e308, 1e-308, 0], { count: 1000 }).order(4, at(0, 0));
    expect(counts(order, 4).slice(2)).toEqual([0, 0]);
    expect(() => weighted([1, -1])).toThrow("that of row 1 is -1");
    expect(() => weighted([0, 0])).toThrow(ConfigError);
    expect(() => weighted([1, 0], { replacement: false, count: 2 })).toThrow("at most the 1 rows");
    expect(() => weighted([1, 2]).size(3)).toThrow("got 2 for 3 rows");
    // @ts-expect-error: a misspelt option
    expect(() => weighted([1], { replacment: true })).toThrow('"replacement"');
  });
});

it("classBalanced gives every class as many rows, up to one, and repeats none before all of its class were seen", () => {
  const labels = Int32Array.from({ length: 100 }, (_, row) => (row < 90 ? 0 : row < 97 ? 1 : 2));
  const sampler = classBalanced(labels);
  for (const epoch of [0, 1, 2]) {
    const order = sampler.order(100, at(5, epoch));
    const byClass = counts(
      Array.from(order, (row) => labels[row] as number),
      3,
    );
    expect(sorted(byClass)).toEqual([33, 33, 34]);
    const seen = counts(order, 100);
    expect(Math.max(...seen.slice(0, 90))).toBe(1);
    expect(Math.min(...seen.slice(97))).toBe(11);
    const small = seen.slice(90, 97);
    expect(Math.max(...small) - Math.min(...small)).toBeLessThanOrEqual(1);
  }
});

it("bucketed puts rows of similar length together, in another order each epoch", () => {
  const lengths = all(400).map((row) => ((row * 7919) % 400) + 1);
  const sampler = bucketed(lengths, { buckets: 10 });
  const spread = (order: Int32Array): number => {
    let most = 0;
    for (let from = 0; from < 400; from += 8) {
      const batch = Array.from(order.subarray(from, from + 8), (row) => lengths[row] as number);
      most = Math.max(most, Math.max(...batch) - Math.min(...batch));
    }
    return most;
  };
  const [first, second] = [sampler.order(400, at(1, 0, 8)), sampler.order(400, at(1, 1, 8))];
  expect(spread(first)).toBeLessThanOrEqual(40);
  expect(spread(permutation(400, 1))).toBeGreaterThan(300);
  expect(first).not.toEqual(second);
  // Batches of all buckets come early on, too: the run of lengths is not sorted.
  const early = Array.from(first.subarray(0, 80), (row) => lengths[row] as number);
  expect(Math.max(...early) - Math.min(...early)).toBeGreaterThan(200);
});

it("the loader takes a sampler", async () => {
  const data = dataset({ x: all(6), y: all(6) });
  const sampler = weighted([0, 1, 0, 1, 1, 0], { count: 7 });
  const seen: number[] = [];
  const batches = loader(data, { batchSize: 3, sampler, seed: 4 });
  for await (const { y } of batches) seen.push(...(await y.data()));
  expect(seen).toEqual([...sampler.order(6, { seed: 4, epoch: 0, batchSize: 3 })]);
  expect(batches.length).toBe(3);
  expect(() => loader(data, { batchSize: 3, sampler, shuffle: true })).toThrow(ConfigError);
});
