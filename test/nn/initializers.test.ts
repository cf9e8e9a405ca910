/** Initialisers: their moments and limits, against the formulas. */
import { readFileSync } from "node:fs";
import { conv, jit, random, type Tensor, tensor } from "nabla";
import * as nn from "nabla/nn";
import { expectClose } from "nabla/testing";
import { describe, expect, test } from "vitest";
import { orthonormalRows } from "../../src/nn/orthogonal.ts";

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

describe("orthogonal", () => {
  const matrix = (w: Tensor) => w.reshape([-1, w.shape.at(-1) as number]);
  test.each([[[4, 4]], [[70, 45]], [[45, 70]], [[3, 3, 8, 16]], [[3, 1, 2, 40]], [[1, 1]]])(
    "%j: columns, or rows where there are fewer, are orthonormal",
    async (shape) => {
      const w = matrix(nn.orthogonal(3)(random.key(7), shape));
      const [rows, columns] = w.shape as [number, number];
      const product = rows < columns ? w.matmul(w.transpose()) : w.transpose().matmul(w);
      const size = Math.min(rows, columns);
      const nines = Array.from({ length: size }, (_, i) =>
        Array.from({ length: size }, (_, j) => (i === j ? 9 : 0)),
      );
      await expectClose(product, tensor(nines), { absolute: 1e-5 });
    },
  );

  test("is the Q of PyTorch's QR, each column on the side it was", async () => {
    const { qr } = JSON.parse(readFileSync(new URL("./goldens/nn.json", import.meta.url), "utf8"));
    await expectClose(orthonormalRows(tensor(qr.x)), qr.q, { absolute: 1e-6 });
  });

  test("holds for rows that are nearly dependent", async () => {
    // Condition about 4e5: one projection would leave errors of 1e-2.
    const x = tensor(
      Array.from({ length: 40 }, (_, i) => Array.from({ length: 40 }, (_, j) => (i === j ? 1.0001 : 1))),
    );
    const q = orthonormalRows(x);
    const worst = await q
      .matmul(q.transpose())
      .sub(tensor(eyeRows(40)))
      .abs()
      .max()
      .item();
    expect(worst).toBeLessThan(3e-6);
  });

  test("depends on the key alone, inside a trace or not", async () => {
    const draw = (key: Tensor) => nn.orthogonal()(key, [6, 5]);
    const [one, same, other] = [draw(random.key(1)), jit(draw)(random.key(1)), draw(random.key(2))];
    expect(await one.data()).toEqual(await same.data());
    expect(await one.data()).not.toEqual(await other.data());
  });

  test("has no favourite direction: the first moments of its elements are those of the sphere", async () => {
    const squares = new Array<number>(9).fill(0);
    const draw = jit((key: Tensor) => nn.orthogonal()(key, [3, 3]));
    for (let seed = 0; seed < 600; seed++) {
      const w = await draw(random.key(seed)).data();
      w.forEach((value, i) => {
        squares[i] = (squares[i] as number) + value * value;
      });
    }
    // The square of an element has mean 1/3 and deviation 0.298: five of those of 600 draws.
    for (const sum of squares) expect(Math.abs(sum / 600 - 1 / 3)).toBeLessThan((5 * 0.298) / Math.sqrt(600));
  });
});

const eyeRows = (size: number): number[][] =>
  Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => (i === j ? 1 : 0)));

test("sparse zeroes as many inputs of every unit, at random, and nothing else", async () => {
  const w = nn.sparse(0.75, 2)(random.key(4), [3, 5, 10, 40]);
  const values = [...(await w.data())];
  const zeroAt = (unit: number) =>
    values.flatMap((value, i) => (i % 40 === unit && value === 0 ? [Math.floor(i / 40)] : []));
  for (let unit = 0; unit < 40; unit++) expect(zeroAt(unit)).toHaveLength(Math.ceil(0.75 * 150));
  expect(zeroAt(0)).not.toEqual(zeroAt(1));
  const rest = values.filter((value) => value !== 0);
  const variance = rest.reduce((sum, value) => sum + value * value, 0) / rest.length;
  expect(Math.abs(variance / 4 - 1)).toBeLessThan(0.15); // 1480 draws: five deviations
});

test("eye and dirac hand on what they get", async () => {
  const key = random.key(0);
  expect(await nn.eye(2)(key, [2, 3]).array()).toEqual([
    [2, 0, 0],
    [0, 2, 0],
  ]);
  const x = random.normal(random.key(1), [2, 5, 4, 3]);
  await expectClose(conv(x, nn.dirac()(key, [3, 3, 3, 3]), { padding: 1 }), x);
  // Two groups, of two inputs and three outputs each: the third output of a group has no input.
  const grouped = nn.dirac(2)(key, [3, 2, 6]);
  const middle = [
    [1, 0, 0, 1, 0, 0],
    [0, 1, 0, 0, 1, 0],
  ];
  const none = middle.map((row) => row.map(() => 0));
  expect(await grouped.array()).toEqual([none, middle, none]);
});

test("initialisers refuse what they cannot do", () => {
  const key = random.key(0);
  expect(() => nn.orthogonal()(key, [5])).toThrow("initialiser: a weight must have at least two axes");
  expect(() => nn.orthogonal(Number.NaN)).toThrow("orthogonal: gain must be a number; got NaN.");
  expect(() => nn.sparse(1.5)).toThrow("sparse: sparsity must be in [0, 1]; got 1.5.");
  expect(() => nn.eye()(key, [3, 2, 2])).toThrow("eye: a weight must have two axes, [in,out]; got [3,2,2].");
  expect(() => nn.dirac()(key, [2, 2])).toThrow("dirac: a weight must have three to five axes");
  expect(() => nn.dirac(4)(key, [3, 2, 6])).toThrow("dirac: groups must divide the outputs, 6; got 4.");
});
