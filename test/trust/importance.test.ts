/** Permutation importance against scikit-learn (goldens/tables.py), whose permutations are others: means within what chance allows. */
import { type Tensor, tensor } from "nabla";
import { dataset } from "nabla/data";
import type { MetricName } from "nabla/metrics";
import { patches, permutationImportance } from "nabla/trust";
import { describe, expect, test } from "vitest";
import { tables } from "./tables.ts";

const { importance: golden } = tables;
const linear = (x: Tensor): Tensor => x.matmul(tensor(golden.slopes).unsqueeze(-1)).squeeze(-1);
const numbers = dataset({ x: golden.x, y: Float32Array.from(golden.target) });
const classes = dataset({ x: golden.x, y: golden.classes });
const cases: [MetricName & keyof typeof golden, typeof numbers][] = [
  ["mse", numbers],
  ["r2", numbers],
  ["accuracy", classes],
];

test.each(cases)("%s", async (metric, data) => {
  const repeats = 200;
  const names = ["first", "second", "nothing", "like the first"];
  const found = await permutationImportance(linear, data, { metric, repeats, features: names });
  expect(found.features.map(({ name }) => name)).toEqual(names);
  found.features.forEach(({ mean, deviation, values }, i) => {
    const [expected, std] = [golden[metric].mean[i] as number, golden[metric].std[i] as number];
    const bound = 5 * std * Math.sqrt(1 / repeats + 1 / golden[metric].repeats);
    expect(Math.abs(mean - expected)).toBeLessThanOrEqual(bound + 1e-5 * Math.abs(expected));
    if (std > 0) expect(Math.abs(deviation / std - 1)).toBeLessThan(0.3);
    expect(values).toHaveLength(repeats);
  });
  // The third is not looked at.
  expect(found.features[2]).toMatchObject({ mean: 0, deviation: 0 });
  expect(found.features[0]?.mean).toBeGreaterThan(found.features[1]?.mean as number);
});

test("an error's mean is known: the mean over all pairs of rows", async () => {
  // Permuting the second column of y = -x2: E (x_i - x_j)^2 over i and j is twice the variance.
  const column = golden.x.map((row) => row[1] as number);
  const mean = column.reduce((a, b) => a + b) / column.length;
  const variance = column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / column.length;
  const data = dataset({ x: golden.x, y: Float32Array.from(column, (value) => -value) });
  const own = (x: Tensor) => x.slice([], [1, 2]).squeeze(-1).neg();
  const { features, baseline } = await permutationImportance(own, data, { metric: "mse", repeats: 400 });
  expect(baseline).toBe(0);
  const { mean: found = 0, deviation = 0 } = features[1] ?? {};
  expect(Math.abs(found - 2 * variance)).toBeLessThan((5 * deviation) / Math.sqrt(400));
});

test("equal seeds give equal numbers, the data stay as they are, features may have several columns", async () => {
  const before = Float32Array.from(numbers.x.data);
  const options = { metric: "mse", repeats: 3, seed: 7 } as const;
  const one = await permutationImportance(linear, numbers, options);
  expect(await permutationImportance(linear, numbers, options)).toEqual(one);
  expect(numbers.x.data).toEqual(before);
  const features = [{ name: "both alike", columns: [0, 3] }];
  const together = await permutationImportance(linear, numbers, { ...options, features });
  // Alike features stand in for each other: together they matter more than either.
  expect(together.features[0]?.mean).toBeGreaterThan(one.features[0]?.mean as number);
  const other = await permutationImportance(linear, numbers, { ...options, seed: 8 });
  expect(other.features[0]?.values).not.toEqual(one.features[0]?.values);
});

test("of images: the patch that is looked at, and no other", async () => {
  const rows = 40;
  const pixels = Float32Array.from({ length: rows * 4 * 6 * 2 }, (_, i) => ((i * 37) % 101) / 101);
  const shape = [rows, 4, 6, 2];
  const look = (x: Tensor) => x.slice([], [2, 4], [2, 4], [0, 2]).flatten(1).sum(-1);
  const y = Float32Array.from((await look(tensor(pixels, { shape })).data()) as Float32Array);
  const data = dataset({ x: { data: pixels, shape }, y });
  const features = patches([4, 6, 2], 2);
  expect(features.map(({ name }) => name)).toEqual(
    [0, 2].flatMap((top) => [0, 2, 4].map((left) => `row ${top}, column ${left}`)),
  );
  const found = await permutationImportance(look, data, { metric: "mae", features });
  expect(found.features.filter(({ mean }) => mean > 0).map(({ name }) => name)).toEqual(["row 2, column 2"]);
  expect(patches([3, 3, 1], 2).map(({ columns }) => columns)).toEqual([[0, 1, 3, 4], [2, 5], [6, 7], [8]]);
});

describe("errors", () => {
  const run = (options: object, data = numbers) =>
    permutationImportance(linear, data, { metric: "mse", ...options });
  const wrong: [string, () => Promise<unknown>, string][] = [
    ["metric", () => run({ metric: "msee" }), 'there is no metric "msee". Did you mean "mse"?'],
    ["repeats", () => run({ repeats: 0 }), "repeats must be a whole number of at least 1; got 0."],
    ["option", () => run({ repeat: 3 }), 'Did you mean "repeats"?'],
    ["names", () => run({ features: ["a"] }), "a name for each of 4 columns; got 1."],
    [
      "columns",
      () => run({ features: [{ name: "a", columns: [4] }] }),
      'the feature "a" must name columns in [0, 4); got 4.',
    ],
    ["one row", () => run({}, numbers.head(1)), "two rows that can change places; got 1."],
    [
      "predictions",
      () => permutationImportance((x) => linear(x).slice([0, 2]), numbers, { metric: "mse" }),
      "one of predictions for each row; got 2 for 120 rows.",
    ],
  ];
  test.each(wrong)("%s", async (_name, call, message) => {
    await expect(call()).rejects.toThrow(message);
  });
  test("patches", () => {
    expect(() => patches([4, 4], 2)).toThrow("must be [height, width, channels]; got [4,4].");
    expect(() => patches([4, 4, 1], 0)).toThrow("size must be a whole number of at least 1; got 0.");
  });
});
