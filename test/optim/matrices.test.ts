/** SOAP and Shampoo against NumPy's 20 steps on given gradients (goldens/matrices.py), which finds bases and roots otherwise. */
import { jit, type Tensor, tensor, zeros } from "nabla";
import { applyUpdates, type Optimizer, shampoo, soap } from "nabla/optim";
import { describe, expect, test } from "vitest";
import { devices } from "../nn/devices.ts";
import { distance, type Leaves, type Named, type Run, readGolden } from "./problems.ts";

const golden = readGolden<{
  keep: number[];
  shapes: Named<number[]>;
  params: Named<number[]>;
  grads: Named<number[]>[];
  runs: Named<Run>;
}>("matrices.json");

const cases: Named<() => Optimizer> = {
  soap: () => soap(0.01, { weightDecay: 0 }),
  "soap options": () =>
    soap(0.02, {
      beta1: 0.8,
      beta2: 0.9,
      shampooBeta: 0.7,
      epsilon: 1e-3,
      every: 3,
      maxPreconditionerDim: 4,
      weightDecay: 0,
    }),
  shampoo: () => shampoo(0.01),
  "shampoo options": () =>
    shampoo(0.02, {
      beta2: 1,
      blockSize: 2,
      every: 3,
      start: 2,
      grafting: "adagrad",
      matrixEpsilon: 1e-2,
      diagonalEpsilon: 1e-3,
      momentum: 0.5,
      nesterov: false,
      weightDecay: 0.1,
    }),
  "shampoo sgd": () =>
    shampoo(0.05, { beta2: 0.9, every: 1, start: 0, grafting: "sgd", matrixEpsilon: 1e-3 }),
};

/** Ten statistics in five dimensions, a ridge of 1e-6: their roots lose digits of f32 to the condition. */
const inF32: Named<number> = { shampoo: 2e-5 };

const tensors = (values: Named<number[]>, device: string): Leaves =>
  Object.fromEntries(
    Object.entries(values).map(([name, list]) => [
      name,
      tensor(list, { device }).reshape(golden.shapes[name] as number[]),
    ]),
  );

describe.each(devices)("on %s", (device) => {
  test.each(Object.keys(golden.runs))("%s", async (name) => {
    const optimizer = (cases[name] as () => Optimizer)();
    const step = jit(
      ({ params, state }: { params: Leaves; state: ReturnType<Optimizer["init"]> }, grads: Leaves) => {
        const [updates, next] = optimizer.update(grads, state, params);
        return [{ params: applyUpdates(params, updates), state: next }];
      },
      { donate: [0] },
    );
    const params = tensors(golden.params, device);
    let now = { params, state: optimizer.init(params) };
    const kept: number[] = [];
    const run = golden.runs[name] as Run;
    for (const [i, grads] of golden.grads.entries()) {
      [now] = step(now, tensors(grads, device)) as [typeof now];
      const at = golden.keep.indexOf(i + 1);
      if (at >= 0) kept.push(await distance(now.params, at, run));
    }
    expect(kept).toHaveLength(run.length);
    const least = device === "cpu" ? (inF32[name] ?? 1e-6) : 1e-6;
    expect(Math.max(...kept), `${kept}`).toBeLessThan(least);
    expect(step.compilations).toBe(1);
  });
});

test("every golden has its optimizer here", () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(golden.runs).sort());
});

test("the state has the bytes that are documented", () => {
  const params = { w: zeros([200, 30]), b: zeros([30]) };
  const bytes = (tree: unknown): number => {
    if (Array.isArray(tree)) return tree.reduce((sum: number, each) => sum + bytes(each), 0);
    const leaf = tree as Partial<Tensor>;
    if (leaf.dtype !== undefined) return (leaf.size as number) > 1 ? 4 * (leaf.size as number) : 0;
    return Object.values(tree as object).reduce((sum: number, each) => sum + bytes(each), 0);
  };
  const size = 200 * 30 + 30;
  expect(bytes(soap().init(params))).toBe(8 * size + 8 * (200 ** 2 + 30 ** 2));
  expect(bytes(soap(1, { maxPreconditionerDim: 100 }).init(params))).toBe(8 * size + 8 * 30 ** 2);
  const blocks = 8 * (128 ** 2 + 72 ** 2 + 2 * 30 ** 2 + 30 ** 2);
  expect(bytes(shampoo().init(params))).toBe(8 * size + blocks);
  expect(bytes(shampoo(1, { grafting: "sgd" }).init(params))).toBe(4 * size + blocks);
});

test("errors name what is wrong", () => {
  expect(() => soap(0.1, { every: 0 })).toThrow(
    "scaleBySoap: every must be a whole number of at least 1; got 0.",
  );
  expect(() => soap(0.1, { beta1: 1 })).toThrow("scaleBySoap: beta1 must be at least 0 and below 1; got 1.");
  expect(() => shampoo(0.1, { blockSize: 0 })).toThrow("scaleByShampoo: blockSize must be a whole number");
  expect(() => shampoo(0.1, { beta2: 1.5 })).toThrow("scaleByShampoo: beta2 must be at most 1 and above 0");
  expect(() => shampoo(0.1, { grafting: "adam" as "sgd" })).toThrow(
    "scaleByShampoo: grafting must be one of sgd, adagrad, rmsprop; got adam.",
  );
});
