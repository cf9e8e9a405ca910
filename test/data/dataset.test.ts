import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Dataset, dataset, permutation, split, standardise } from "../../src/data/index.ts";
import { ConfigError, DataError } from "../../src/util/index.ts";

const rows = (n: number) =>
  dataset({ x: Array.from({ length: n }, (_, i) => [i, -i]), y: Array.from({ length: n }, (_, i) => i) });

describe("dataset", () => {
  it("takes nested lists, typed arrays and arrays with a shape", () => {
    const a = dataset({
      x: [
        [1, 2],
        [3, 4],
      ],
      y: [0, 1],
    });
    expect(a.x).toEqual({ dtype: "f32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) });
    expect(a.y).toEqual({ dtype: "i32", shape: [2], data: Int32Array.of(0, 1) });
    expect(String(a)).toBe("Dataset(x f32[2,2], y i32[2])");
    const b = dataset({ x: { data: Float64Array.of(1, 2, 3, 4), shape: [2, 1, 2] }, y: Uint8Array.of(7, 8) });
    expect([b.x.shape, b.x.dtype, b.y.dtype]).toEqual([[2, 1, 2], "f32", "i32"]);
    const c = dataset({ x: [1, 2], y: [0.5, 1] });
    expect([c.x.dtype, c.y.dtype]).toEqual(["f32", "f32"]);
    expect(dataset({ x: [1, 2], y: [[0], [1]] }).y.dtype).toBe("f32");
    expect(dataset({ x: [1], y: [16777217] }).y.data[0]).toBe(16777217);
  });

  it.each<[string, () => unknown, string]>([
    [
      "empty",
      () => dataset({ x: [], y: [] }),
      "dataset: there must be at least one row; got an empty data set.",
    ],
    [
      "lengths",
      () => dataset({ x: [[1], [2]], y: [1] }),
      "dataset: x and y must have as many rows; got [2,1] and [1].",
    ],
    [
      "ragged",
      () => dataset({ x: [[1, 2], [3]], y: [1, 2] }),
      "dataset: x: [1] must hold 2 values like the first; got 1. Rows must be equally long.",
    ],
    [
      "text",
      () => dataset({ x: [[1], ["2" as unknown as number]], y: [1, 2] }),
      "dataset: x: [1][0] must be a number; got string.",
    ],
    [
      "NaN",
      () =>
        dataset({
          x: [
            [1, 2],
            [3, Number.NaN],
          ],
          y: [1, 2],
        }),
      "dataset: values must be finite; x row 1, column 1 is NaN. Drop or impute that row, or pass allowNonFinite: true.",
    ],
    [
      "infinite target",
      () => dataset({ x: [1, 2], y: Float32Array.of(0, -1 / 0) }),
      "dataset: values must be finite; y row 1, column 0 is -Infinity. Drop or impute that row, or pass allowNonFinite: true.",
    ],
    [
      "size",
      () => dataset({ x: { data: [1, 2, 3], shape: [2, 2] }, y: [1, 2] }),
      "dataset: x: shape [2,2] holds 4 elements; got 3 in data.",
    ],
    [
      "nothing",
      () => dataset({ x: undefined as unknown as number[], y: [1] }),
      "dataset: x: must be nested lists of numbers, a typed array or { data, shape }; got undefined. Of a tensor t pass { data: await t.data(), shape: t.shape }.",
    ],
    [
      "too wide",
      () => dataset({ x: [1, 2], y: Uint32Array.of(1, 0xffffffff) }),
      "dataset: y: integers must fit in 32 bits with a sign; element 1 is 4294967295.",
    ],
  ])("says what is wrong: %s", (_, make, message) => {
    expect(make).toThrow(new DataError(message));
  });

  it("lets NaN pass on request", () => {
    expect(dataset({ x: [Number.NaN], y: [0], allowNonFinite: true }).x.data[0]).toBeNaN();
  });

  it("selects rows", () => {
    const part = rows(5).select([4, 0, 4]);
    expect(Array.from(part.x.data)).toEqual([4, -4, 0, -0, 4, -4]);
    expect(Array.from(part.y.data)).toEqual([4, 0, 4]);
    expect(rows(5).head(2).length).toBe(2);
    expect(() => rows(5).select([5])).toThrow("select: rows must be in [0, 5); got 5.");
    expect(() => rows(5).select([])).toThrow(DataError);
  });
});

describe("permutation", () => {
  it("is a permutation, and a pure function of (size, seed, epoch)", () => {
    fc.assert(
      fc.property(fc.nat(300), fc.maxSafeNat(), fc.nat(1000), (size, seed, epoch) => {
        const order = permutation(size, seed, epoch);
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i));
        expect(permutation(size, seed, epoch)).toEqual(order);
      }),
    );
  });

  it("differs by seed (all of its bits) and by epoch", () => {
    const text = (seed: number, epoch: number) => permutation(50, seed, epoch).join();
    const all = [text(0, 0), text(1, 0), text(0, 1), text(2 ** 32, 0), text(2 ** 40 + 1, 0)];
    expect(new Set(all).size).toBe(all.length);
  });

  it("puts every row at every place equally often", () => {
    const counts = Array.from({ length: 6 }, () => new Array<number>(6).fill(0));
    const trials = 6000;
    for (let seed = 0; seed < trials; seed++) {
      permutation(6, seed).forEach((row, place) => {
        const line = counts[place] as number[];
        line[row] = (line[row] as number) + 1;
      });
    }
    // Chi-squared of 36 cells with 25 degrees of freedom: 60 is beyond the 0.9999 quantile.
    const expected = trials / 6;
    const chi = counts.flat().reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(chi).toBeLessThan(60);
  });

  it("never changes: checkpoints and papers depend on it", () => {
    expect(Array.from(permutation(10, 42, 0))).toMatchInlineSnapshot(`
      [
        4,
        1,
        6,
        7,
        0,
        2,
        3,
        8,
        9,
        5,
      ]
    `);
  });
});

describe("split", () => {
  it("parts every row once, by the seed", () => {
    const [a, b] = split(rows(506), 0.8, 42);
    expect([a.length, b.length]).toEqual([405, 101]);
    const seen = [...a.y.data, ...b.y.data].sort((p, q) => p - q);
    expect(seen).toEqual(Array.from({ length: 506 }, (_, i) => i));
    expect(split(rows(506), 0.8, 42)[1].y.data).toEqual(b.y.data);
    expect(split(rows(506), 0.8, 43)[1].y.data).not.toEqual(b.y.data);
  });

  it("refuses an empty part", () => {
    expect(() => split(rows(2), 0.1, 0)).toThrow("both parts must have a row; got 2 rows at fraction 0.1");
    expect(() => split(rows(2), 1, 0)).toThrow(ConfigError);
    expect(() => split(rows(2), Number.NaN, 0)).toThrow(ConfigError);
  });
});

describe("standardise", () => {
  it("gives columns of mean 0 and deviation 1, and applies the same to other data", () => {
    const train = dataset({
      x: [
        [1, 5, 1e6],
        [3, 5, 1e6 + 2],
      ],
      y: [0, 0],
    });
    const scale = standardise(train);
    expect(Array.from(scale.mean)).toEqual([2, 5, 1e6 + 1]);
    expect(Array.from(scale.std)).toEqual([1, 1, 1]);
    expect(Array.from(scale.apply(train).x.data)).toEqual([-1, 0, -1, 1, 0, 1]);
    const other = dataset({ x: [[4, 6, 1e6]], y: [0] });
    expect(Array.from(scale.apply(other).x.data)).toEqual([2, 1, -1]);
  });

  it("refuses other columns and integers", () => {
    const scale = standardise(dataset({ x: [[1, 2]], y: [0] }));
    expect(() => scale.apply(dataset({ x: [[1]], y: [0] }))).toThrow(
      "with the 2 columns it was fitted on; got f32[1,1]",
    );
    expect(() => standardise(dataset({ x: Int32Array.of(1), y: [0] }))).toThrow("x must be f32; got i32");
  });

  it("keeps the targets", () => {
    const data = dataset({ x: [[1, 2]], y: [3] });
    expect(standardise(data).apply(data)).toBeInstanceOf(Dataset);
    expect(standardise(data).apply(data).y).toBe(data.y);
  });
});
