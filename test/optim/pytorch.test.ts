/** Optimizers against 20 steps of PyTorch's on three small problems (goldens/generate.py). */
import {
  adam,
  adamW,
  addDecayedWeights,
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
import {
  descent,
  distance,
  type Named,
  precisions,
  problems,
  type Run,
  readGolden,
  type Steps,
} from "./problems.ts";

const { steps } = readGolden<{ steps: Steps }>("optim.json");

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

describe.each(precisions)("on %s against PyTorch in %s", (device, precision) => {
  test.each(Object.keys(steps))("%s", async (name) => {
    for (const problem of problems) {
      const run = steps[name]?.[problem]?.[precision] as Run;
      const kept: number[] = [];
      const optimizer = (cases[name] as () => Optimizer)();
      const compilations = await descent(optimizer, problem, device, async (params, i) => {
        kept.push(await distance(params, i, run));
      });
      expect(kept).toHaveLength(run.length);
      expect(Math.max(...kept), `${problem}: ${kept}`).toBeLessThan(1e-6);
      expect(compilations).toBe(1);
    }
  });
});

test("every golden has its optimizer here", () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(steps).sort());
});
