/** L-BFGS against PyTorch's step by step, SciPy's optimum, and on valleys. */
import { readFileSync } from "node:fs";
import { jit, random, type Tensor, tensor, valueAndGrad } from "nabla";
import { apply, bceWithLogits, Linear, mse, Sequential, type Tensors, tanh } from "nabla/nn";
import { lbfgs } from "nabla/optim";
import { describe, expect, test } from "vitest";
import { cubicMinimum } from "../../src/optim/lbfgs/line-search.ts";
import { devices } from "../nn/devices.ts";

const golden = JSON.parse(readFileSync(new URL("./goldens/lbfgs.json", import.meta.url), "utf8")) as {
  x: number[][];
  y: number[];
  logistic: number[][];
  best: number[];
  loss: number;
};

function logistic(device: string) {
  const x = tensor(golden.x.flat(), { device }).reshape([60, 4]);
  const y = tensor(golden.y, { device });
  return jit(
    valueAndGrad(({ w }: { w: Tensor }) => bceWithLogits(x.matmul(w), y).add(w.square().sum().mul(0.05))),
  ) as (p: { w: Tensor }) => [Tensor, { w: Tensor }];
}

const rosenbrock = jit(
  valueAndGrad((p: Tensor) => {
    const [a, b] = [p.slice([0, -1]), p.slice([1])];
    return b.sub(a.square()).square().mul(100).add(a.neg().add(1).square()).sum();
  }),
) as (p: Tensor) => [Tensor, Tensor];

describe.each(devices)("on %s", (device) => {
  test("without a line search every step is PyTorch's", async () => {
    for (const [i, want] of golden.logistic.entries()) {
      const { params, iterations } = await lbfgs(
        logistic(device),
        { w: tensor(new Float32Array(4), { device }) },
        { lineSearch: "none", learningRate: 0.5, historySize: 3, maxIterations: i + 1, gradientTolerance: 0 },
      );
      expect(iterations).toBe(i + 1);
      const got = await params.w.data();
      const scale = Math.max(...want.map(Math.abs));
      // Differences of gradients that have become small lose digits in f32.
      want.forEach((value, j) => {
        expect(Math.abs((got[j] as number) - value) / scale, `step ${i + 1}`).toBeLessThan(2e-5);
      });
    }
  });

  test("finds SciPy's optimum in a few evaluations", async () => {
    const { params, loss, evaluations, reason } = await lbfgs(logistic(device), {
      w: tensor(new Float32Array(4), { device }),
    });
    const got = await params.w.data();
    golden.best.forEach((value, j) => {
      expect(got[j]).toBeCloseTo(value, 4);
    });
    expect(loss).toBeCloseTo(golden.loss, 6);
    expect(evaluations).toBeLessThan(30);
    expect(["gradient", "loss", "search"]).toContain(reason);
  });

  test.each([2, 5])("walks Rosenbrock's valley of %i numbers to its end", async (n) => {
    const start = tensor(
      Float32Array.from({ length: n }, (_, i) => (i % 2 ? 1 : -1.2)),
      { device },
    );
    const { params, loss } = await lbfgs(rosenbrock, start, { maxIterations: 300 });
    for (const value of await params.data()) expect(value).toBeCloseTo(1, 2);
    expect(loss).toBeLessThan(1e-6);
  });

  test("fits a small network", async () => {
    const model = new Sequential(new Linear(1, 12), tanh, new Linear(12, 1)).init(0);
    const x = tensor(Float32Array.from({ length: 64 }, (_, i) => i / 16 - 2)).reshape([64, 1]);
    const y = x.mul(2).sin();
    const fn = jit(valueAndGrad((p: Tensors) => apply(model, p, () => mse(model.forward(x), y))));
    const start = model.parameters();
    const { loss, iterations } = await lbfgs(fn as (p: Tensors) => [Tensor, Tensors], start, {
      maxIterations: 150,
    });
    expect(loss).toBeLessThan(2e-4);
    expect(iterations).toBeLessThanOrEqual(150);
  });
});

test("a loss that is NaN beyond a wall makes steps shorter", async () => {
  // log(p) has its wall at 0; the first full step would go there.
  const fn = valueAndGrad((p: Tensor) => p.sub(p.log().mul(0.01)).mul(100).sum());
  const { params } = await lbfgs(fn as (p: Tensor) => [Tensor, Tensor], tensor([3]), { learningRate: 500 });
  expect(await params.item()).toBeCloseTo(0.01, 4);
});

test("says how far it is and can be interrupted", async () => {
  const abort = new AbortController();
  const losses: number[] = [];
  const { iterations, reason } = await lbfgs(rosenbrock, tensor([-1.2, 1]), {
    signal: abort.signal,
    onIteration: ({ iteration, loss }) => {
      losses.push(loss);
      if (iteration === 4) abort.abort();
    },
  });
  expect([iterations, reason]).toEqual([4, "interrupted"]);
  expect(losses).toEqual([...losses].sort((a, b) => b - a));
});

test("equal runs have equal bits", async () => {
  const run = async () => (await lbfgs(rosenbrock, random.normal(random.key(2), [6]))).params.data();
  expect(await run()).toEqual(await run());
});

test("the cubic's minimum", () => {
  const at = (step: number) => ({ step, loss: step ** 3 - 3 * step, slope: 3 * step ** 2 - 3, point: null });
  expect(cubicMinimum(at(0), at(2.5))).toBeCloseTo(1, 12);
  expect(cubicMinimum(at(2.5), at(0))).toBeCloseTo(1, 12);
});

test.each([
  [{ maxIterations: 0 }, /maxIterations must be a whole number of at least 1; got 0/],
  [{ historySize: 1.5 }, /historySize must be a whole number/],
  [{ gradientTolerance: Number.NaN }, /gradientTolerance must be at least 0; got NaN/],
  [{ learningRate: 0 }, /learningRate must be above 0; got 0/],
])("%o", async (options, message) => {
  await expect(lbfgs(rosenbrock, tensor([1, 2]), options)).rejects.toThrow(message);
});

test("a start without a finite loss is refused", async () => {
  const fn = valueAndGrad((p: Tensor) => p.log().sum()) as (p: Tensor) => [Tensor, Tensor];
  await expect(lbfgs(fn, tensor([-1]))).rejects.toThrow(/the loss must be finite at the start; got NaN/);
});
