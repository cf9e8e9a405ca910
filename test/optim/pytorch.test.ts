/** Optimizers against 20 steps of PyTorch's on three small problems (goldens/generate.py). */
import { readFileSync } from "node:fs";
import { jit, type Tensor, tensor, valueAndGrad } from "nabla";
import { bceWithLogits, mse } from "nabla/nn";
import {
  adam,
  adamW,
  addDecayedWeights,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  clipByValue,
  exponentialDecay,
  type Optimizer,
  rmsprop,
  sgd,
  stepDecay,
} from "nabla/optim";
import { describe, expect, test } from "vitest";
import { devices } from "../nn/devices.ts";

type Named<T> = Record<string, T>;
interface Golden {
  keep: number[];
  problems: Named<Named<Named<{ shape: number[]; values: number[] }>>>;
  steps: Named<Named<Named<Named<number[]>[]>>>;
}
const golden = JSON.parse(readFileSync(new URL("./goldens/optim.json", import.meta.url), "utf8")) as Golden;

const cases: Named<() => Optimizer> = {
  sgd: () => sgd(0.05),
  "sgd momentum": () => sgd(0.05, { momentum: 0.9 }),
  "sgd dampening": () => sgd(0.05, { momentum: 0.9, dampening: 0.3 }),
  "sgd nesterov": () => sgd(0.05, { momentum: 0.8, nesterov: true }),
  "sgd weightDecay": () => sgd(0.05, { momentum: 0.9, weightDecay: 0.1 }),
  "sgd exponential": () => sgd(exponentialDecay({ initial: 0.1, rate: 0.9 })),
  rmsprop: () => rmsprop(0.01),
  "rmsprop alpha": () => rmsprop(0.01, { alpha: 0.9, epsilon: 1e-4 }),
  "rmsprop centered": () => rmsprop(0.01, { centered: true }),
  "rmsprop momentum": () => rmsprop(0.005, { momentum: 0.9 }),
  "rmsprop all": () => rmsprop(0.005, { momentum: 0.5, centered: true, weightDecay: 0.1 }),
  adam: () => adam(0.01),
  "adam betas": () => adam(0.01, { beta1: 0.5, beta2: 0.9, epsilon: 1e-3 }),
  "adam amsgrad": () => adam(0.05, { beta2: 0.9, amsgrad: true }),
  "adam l2": () => chain(addDecayedWeights(0.1), adam(0.01)),
  "adam step": () => adam(stepDecay({ initial: 0.02, factor: 0.5, every: 7 })),
  adamW: () => adamW(0.01),
  "adamW amsgrad": () => adamW(0.05, { beta1: 0.8, beta2: 0.9, weightDecay: 0.1, amsgrad: true }),
  "clip norm": () => chain(clipByGlobalNorm(0.25), sgd(0.1)),
  "clip value": () => chain(clipByValue(0.125), sgd(0.1)),
};

type Leaves = Named<Tensor>;
const at = (tree: Leaves, name: string): Tensor => tree[name] as Tensor;

const losses: Named<(params: Leaves, data: Leaves) => Tensor> = {
  quadratic(params, data) {
    const p = at(params, "p").reshape([5, 1]);
    const h = at(data, "H");
    // p.(H H^T + I/4) p / 2 - b.p
    const quadratic = h.transpose().matmul(p).square().sum().add(p.square().sum().mul(0.25)).mul(0.5);
    return quadratic.sub(at(data, "b").mul(at(params, "p")).sum());
  },
  logistic: (params, data) =>
    bceWithLogits(at(data, "x").matmul(at(params, "w")).add(at(params, "b")), at(data, "y")),
  mlp(params, data) {
    const hidden = at(data, "x").matmul(at(params, "w1")).add(at(params, "b1")).tanh();
    return mse(hidden.matmul(at(params, "w2")).add(at(params, "b2")), at(data, "y"));
  },
};

function tensors(problem: string, part: "data" | "params", device: string): Leaves {
  return Object.fromEntries(
    Object.entries(golden.problems[problem]?.[part] ?? {}).map(([name, { shape, values }]) => [
      name,
      tensor(values, { device }).reshape(shape),
    ]),
  );
}

/** Largest difference of a step's parameters, each relative to the largest value its tensor had in the run. */
async function distance(params: Leaves, step: number, run: readonly Named<number[]>[]): Promise<number> {
  let worst = 0;
  for (const [name, values] of Object.entries(run[step] as Named<number[]>)) {
    const got = await at(params, name).data();
    const scale = Math.max(...run.flatMap((kept) => kept[name] as number[]).map(Math.abs));
    values.forEach((value, i) => {
      worst = Math.max(worst, Math.abs((got[i] as number) - value) / scale);
    });
  }
  return worst;
}

const precisions = { reference: "f64", cpu: "f32" } as const;

describe.each(devices.map((device) => [device, precisions[device]] as const))(
  "on %s against PyTorch in %s",
  (device, precision) => {
    test.each(Object.keys(golden.steps))("%s", async (name) => {
      const optimizer = (cases[name] as () => Optimizer)();
      for (const problem of Object.keys(golden.problems)) {
        const loss = losses[problem] as (params: Leaves, data: Leaves) => Tensor;
        const data = tensors(problem, "data", device);
        const step = jit(
          ({ params, state }: { params: Leaves; state: ReturnType<Optimizer["init"]> }, data: Leaves) => {
            const [, grads] = valueAndGrad(loss)(params, data);
            const [updates, next] = optimizer.update(grads, state, params);
            return [{ params: applyUpdates(params, updates), state: next }];
          },
          { donate: [0] },
        );
        const initial = tensors(problem, "params", device);
        let state = { params: initial, state: optimizer.init(initial) };
        const kept: number[] = [];
        for (let i = 1; i <= 20; i++) {
          [state] = step(state, data) as [typeof state];
          if (golden.keep.includes(i)) {
            const run = golden.steps[name]?.[problem]?.[precision] as Named<number[]>[];
            kept.push(await distance(state.params, kept.length, run));
          }
        }
        expect(kept).toHaveLength(golden.keep.length);
        expect(Math.max(...kept), `${problem}: ${kept}`).toBeLessThan(1e-6);
        expect(step.compilations).toBe(1);
      }
    });
  },
);

test("every golden has its optimizer here", () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(golden.steps).sort());
});
