/** Attacks against PyTorch: step by step on a small network, and by accuracy on digits (goldens/attacks.py). */
import { readFileSync } from "node:fs";
import { type Tensor, tensor } from "nabla";
import { type Dataset, dataset, mnist } from "nabla/data";
import { loadSafetensors } from "nabla/io";
import { Conv2d, Flatten, Linear, relu, Sequential } from "nabla/nn";
import { fgsm, pgd, robustness } from "nabla/trust";
import { beforeAll, describe, expect, test } from "vitest";
import { close, golden, net, x } from "./small-net.ts";

const y = () => tensor(golden.targets, { dtype: "i32" });

describe.each(["tanh", "relu"] as const)("of the %s network, each element as PyTorch's", (name) => {
  const model = net(name);
  test("fgsm", async () => {
    await close(await fgsm(model, x(), y(), { epsilon: 0.05, batch: 2 }), golden[name].fgsm, 1e-6);
  });
  test("pgd in both norms", async () => {
    const shared = { steps: 7, randomStart: false, batch: 3 };
    const linf = await pgd(model, x(), y(), { ...shared, epsilon: 0.1, stepSize: 0.03 });
    await close(linf, golden[name].linf, 2e-6);
    const l2 = await pgd(model, x(), y(), { ...shared, epsilon: 0.5, stepSize: 0.2, norm: "l2" });
    await close(l2, golden[name].l2, 4e-6);
  });
});

const accuracies = JSON.parse(readFileSync(new URL("./goldens/attacks.json", import.meta.url), "utf8")) as {
  rows: number;
  clean: number;
  cases: {
    attack: "pgd" | "fgsm";
    norm: "linf" | "l2";
    epsilon: number;
    stepSize: number;
    steps: number;
    accuracy: number;
  }[];
  noise: { deviation: number; accuracy: number; std: number }[];
};

describe("a network trained in PyTorch, on 500 digits", () => {
  const model = new Sequential(
    new Conv2d(1, 8, 5, { stride: 2 }),
    relu,
    new Conv2d(8, 16, 5, { stride: 2 }),
    relu,
    new Flatten(),
    new Linear(256, 10),
  );
  let digits: Dataset;
  beforeAll(async () => {
    model.load(await loadSafetensors(new URL("./goldens/digits.safetensors", import.meta.url).pathname));
    const { x: pixels, y: labels } = (await mnist()).test.head(accuracies.rows);
    digits = dataset({ x: { data: pixels.data, shape: [accuracies.rows, 28, 28, 1] }, y: labels });
  });

  test("is right as often as in PyTorch, and under noise", async () => {
    const { clean, noise, rows } = await robustness(model, digits, {
      epsilons: [],
      noise: accuracies.noise.map(({ deviation }) => deviation),
    });
    expect(rows).toBe(500);
    expect(clean).toBeCloseTo(accuracies.clean, 6);
    for (const [i, { accuracy, std }] of accuracies.noise.entries()) {
      expect(Math.abs((noise[i]?.accuracy as number) - accuracy)).toBeLessThan(5 * std + 0.002);
    }
  });

  test.each(accuracies.cases)("$attack $norm $epsilon: within 1 point of PyTorch's twin", async (one) => {
    const { attack, norm, epsilon, stepSize, steps } = one;
    const shared = { epsilons: [epsilon], attack, batch: 250 };
    // Where it begins is drawn: the golden is a mean over draws, as this is.
    const seeds = attack === "pgd" ? [5, 6, 7] : [0];
    let sum = 0;
    for (const seed of seeds) {
      const options = attack === "pgd" ? { ...shared, norm, stepSize, steps, seed } : shared;
      const { attacks } = await robustness(model, digits, options);
      sum += attacks[0]?.accuracy as number;
    }
    const mean = sum / seeds.length;
    expect(Math.abs(mean - one.accuracy)).toBeLessThanOrEqual(0.01);
    expect(mean).toBeLessThan(accuracies.clean);
  });
});

test("changes stay within epsilon and the range, from a random start too; equal seeds give equal changes", async () => {
  const model = net("relu");
  const length = async (change: Tensor) =>
    [...(await change.flatten(1).square().sum(-1).sqrt().data())].map(Number);
  for (const norm of ["linf", "l2"] as const) {
    const options = { epsilon: 0.3, norm, steps: 3, seed: 4 };
    const changed = await pgd(model, x(), y(), options);
    const change = changed.sub(x());
    const far = norm === "linf" ? [await change.abs().max().item()] : await length(change);
    expect(Math.max(...far)).toBeLessThanOrEqual(0.3 + 1e-6);
    expect(Math.max(...far)).toBeGreaterThan(0.05);
    expect(await changed.min().item()).toBeGreaterThanOrEqual(0);
    expect(await changed.max().item()).toBeLessThanOrEqual(1);
    expect(await (await pgd(model, x(), y(), options)).data()).toEqual(await changed.data());
    const other = await pgd(model, x(), y(), { ...options, seed: 5 });
    expect(await other.data()).not.toEqual(await changed.data());
  }
});

test("a random start of l2 is even within the ball; a flat loss moves nothing", async () => {
  const flat = new Sequential(
    new Linear(2, 2, { weightInit: (_, shape) => tensor(new Float32Array(4), { shape }) }),
  );
  flat.init(0);
  const rows = 4000;
  const [inputs, labels] = [
    tensor(new Float32Array(2 * rows), { shape: [rows, 2] }),
    tensor(new Int32Array(rows)),
  ];
  const options = { epsilon: 2, norm: "l2", steps: 1, range: null, batch: 1000 } as const;
  const changed = await pgd(flat, inputs, labels, options);
  const far = await changed.square().sum(-1).sqrt().data();
  // Of a disc of radius 2, a quarter lies within 1: 1,000 rows of 4,000, with deviation 27.
  const near = [...far].filter((own) => Number(own) < 1).length;
  expect(Math.abs(near - 1000)).toBeLessThan(5 * 27.4);
  const still = await pgd(flat, inputs, labels, { ...options, randomStart: false });
  expect(Math.abs(await still.abs().max().item())).toBe(0);
});

test("yes and no by one logit", async () => {
  const model = new Sequential(new Linear(2, 1)).load({
    "layers/0/weight": tensor([[1], [-2]]),
    "layers/0/bias": tensor([0]),
  });
  const data = dataset({
    x: [
      [0.5, 0],
      [0, 0.5],
    ],
    y: Int32Array.of(1, 0),
  });
  const changed = await fgsm(
    model,
    tensor([
      [0.5, 0],
      [0, 0.5],
    ]),
    tensor([1, 0], { dtype: "i32" }),
    { epsilon: 0.1, range: null },
  );
  await close(changed, [0.4, 0.1, 0.1, 0.4], 1e-6);
  const { clean, attacks } = await robustness(model, data, { epsilons: [0.05, 0.4], range: null });
  expect([clean, ...attacks.map(({ accuracy }) => accuracy)]).toEqual([1, 1, 0]);
});

describe("errors", () => {
  const model = net("relu");
  const rows = dataset({ x: { data: golden.x, shape: golden.shape }, y: golden.targets });
  const errors: [string, () => Promise<unknown>, string][] = [
    ["epsilon 0", () => fgsm(model, x(), y(), { epsilon: 0 }), "fgsm: epsilon must be above 0; got 0."],
    ["epsilon below 0", () => pgd(model, x(), y(), { epsilon: -1 }), "pgd: epsilon must be above 0; got -1."],
    [
      "epsilons",
      () => robustness(model, rows, { epsilons: [0.1, Number.NaN] }),
      "epsilons must be above 0; got NaN.",
    ],
    ["none", () => robustness(model, rows, { epsilons: [] }), "epsilons must be a list of numbers above 0"],
    [
      "norm",
      () => pgd(model, x(), y(), { epsilon: 1, norm: "l1" as "l2" }),
      'norm must be one of linf, l2; got "l1".',
    ],
    [
      "option",
      () => pgd(model, x(), y(), { epsilon: 1, stepsize: 1 } as { epsilon: 1 }),
      'Did you mean "stepSize"?',
    ],
    ["rows", () => fgsm(model, x(), tensor([0], { dtype: "i32" }), { epsilon: 1 }), "got 1 for 5 rows."],
    ["range", () => fgsm(model, x().mul(2), y(), { epsilon: 1 }), "x must be within the range [0, 1]"],
    ["wrong range", () => fgsm(model, x(), y(), { epsilon: 1, range: [1, 0] }), "low below high"],
    ["dtype", () => fgsm(model, x().astype("i32"), y(), { epsilon: 1 }), "fgsm: x must be f32"],
    [
      "fgsm has no steps",
      () => robustness(model, rows, { epsilons: [1], attack: "fgsm", steps: 3 }),
      'steps is of "pgd"',
    ],
    [
      "attack",
      () => robustness(model, rows, { epsilons: [1], attack: "cw" as "pgd" }),
      'attack must be "pgd" or "fgsm"',
    ],
  ];
  test.each(errors)("%s", async (_name, run, message) => {
    await expect(run()).rejects.toThrow(message);
  });
});

test("noise that is drawn for robustness does not depend on what else is measured", async () => {
  const model = net("tanh");
  const rows = dataset({ x: { data: golden.x, shape: golden.shape }, y: golden.targets });
  const alone = await robustness(model, rows, { epsilons: [], noise: [0.5] });
  const both = await robustness(model, rows, { epsilons: [0.1], noise: [0.5] });
  expect(both.noise).toEqual(alone.noise);
});
