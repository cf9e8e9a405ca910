/** matmulPrecision: operands rounded to bf16, sums in f32, everywhere inside a compiled function. */
import { explain, grad, jit, matmul, random, scan, setDefaultDevice, type Tensor, tensor } from "nabla";
import { dataset } from "nabla/data";
import { Linear, mse, Sequential } from "nabla/nn";
import { sgd } from "nabla/optim";
import { Trainer } from "nabla/train";
import { afterEach, describe, expect, test } from "vitest";
import { roundBF16 } from "../../../src/engine/ops/index.ts";

const bf16 = { matmulPrecision: "bf16" } as const;
const normal = (seed: number, ...shape: number[]) => random.normal(random.key(seed), shape);

/** The product of rounded operands in f64, and the most that rounding its sums can change. */
async function rounded(a: Tensor, b: Tensor): Promise<{ product: number[]; slack: number[] }> {
  const [m, k] = a.shape as [number, number];
  const n = b.shape[1] as number;
  const [x, y] = [(await a.data()).map(roundBF16), (await b.data()).map(roundBF16)];
  const product: number[] = [];
  const slack: number[] = [];
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let [sum, size] = [0, 0];
      for (let p = 0; p < k; p++) {
        const term = (x[i * k + p] as number) * (y[p * n + j] as number);
        sum += term;
        size += Math.abs(term);
      }
      product.push(sum);
      slack.push(size * 1e-6);
    }
  }
  return { product, slack };
}

async function expectRounded(got: Tensor, a: Tensor, b: Tensor): Promise<void> {
  const { product, slack } = await rounded(a, b);
  const data = await got.data();
  product.forEach((want, i) => {
    expect(Math.abs((data[i] as number) - want)).toBeLessThanOrEqual(slack[i] as number);
  });
}

afterEach(() => setDefaultDevice("cpu"));

describe.each(["cpu", "reference"] as const)("on %s", (device) => {
  test.each([
    [33, 17, 29],
    [1, 40, 64],
    [50, 1, 13],
    [100, 5, 10],
  ])("%ix%ix%i is the product of rounded operands", async (m, n, k) => {
    setDefaultDevice(device);
    const [a, b] = [normal(1, m, k), normal(2, k, n)];
    await expectRounded(jit((x: Tensor, y: Tensor) => matmul(x, y), bf16)(a, b), a, b);
  });

  test("gradients too are products of rounded operands", async () => {
    setDefaultDevice(device);
    const [a, b, g] = [normal(1, 9, 20), normal(2, 20, 11), normal(3, 9, 11)];
    const f = jit(
      (x: Tensor, y: Tensor, z: Tensor) => grad((w: Tensor) => matmul(x, w).mul(z).sum())(y),
      bf16,
    );
    await expectRounded(f(a, b, g), a.transpose(), g);
  });
});

test("one function in two precisions has two plans, and explain tells them apart", async () => {
  const f = (x: Tensor, y: Tensor) => matmul(x, y);
  const [a, b] = [tensor([[1 + 2 ** -9]]), tensor([[1]])];
  expect(await jit(f)(a, b).item()).toBe(1 + 2 ** -9);
  expect(await jit(f, bf16)(a, b).item()).toBe(1);
  expect(await jit(f)(a, b).item()).toBe(1 + 2 ** -9);
  expect(explain(jit(f, bf16), a, b)).toContain("gemm in bf16 1x1x1");
  expect(explain(jit(f), a, b)).not.toContain("bf16");
});

test("products inside loops are rounded", async () => {
  const [a, b] = [tensor([[1 + 2 ** -9]]), tensor([[1]])];
  const twice = (x: Tensor, y: Tensor) =>
    scan((carry: Tensor) => [matmul(carry, y), carry], x, null, { length: 2 })[0];
  expect(await jit(twice, bf16)(a, b).item()).toBe(1);
});

test("a function compiled inside another takes its precision, and says so when asked for another", async () => {
  const [a, b] = [tensor([[1 + 2 ** -9]]), tensor([[1]])];
  const plain = jit((x: Tensor, y: Tensor) => matmul(x, y));
  const asked = jit((x: Tensor, y: Tensor) => matmul(x, y), { ...bf16, name: "inner" });
  expect(await jit((x: Tensor, y: Tensor) => plain(x, y), bf16)(a, b).item()).toBe(1);
  expect(await jit((x: Tensor, y: Tensor) => asked(x, y), bf16)(a, b).item()).toBe(1);
  expect(() => jit((x: Tensor, y: Tensor) => asked(x, y))(a, b)).toThrow(
    'inner: matmulPrecision "bf16" cannot hold inside a function compiled with "f32". Set it on the outer jit.',
  );
});

test("there are two precisions", () => {
  expect(() => jit((x: Tensor) => x, { name: "f", matmulPrecision: "fp8" as "bf16" })).toThrow(
    'f: matmulPrecision must be "f32" or "bf16"; got fp8.',
  );
});

test("the trainer passes it on, in training and in prediction", async () => {
  const make = (matmulPrecision: "f32" | "bf16") =>
    new Trainer({
      model: new Sequential(new Linear(8, 1)),
      loss: mse,
      optimizer: sgd(0.1),
      matmulPrecision,
    });
  const rows = (seed: number, width: number) =>
    Array.from({ length: 64 }, (_, i) =>
      Array.from({ length: width }, (_, j) => Math.sin(seed + 3.7 * i + 1.3 * j)),
    );
  const data = dataset({ x: rows(1, 8), y: rows(2, 1) });
  const [full, half] = [make("f32"), make("bf16")];
  const losses = [];
  for (const trainer of [full, half]) {
    await trainer.fit(data, { epochs: 2, batchSize: 16 });
    losses.push((await trainer.evaluate(data)).loss as number);
  }
  expect(losses[0]).not.toBe(losses[1]);
  expect(losses[0]).toBeCloseTo(losses[1] as number, 2);
});
