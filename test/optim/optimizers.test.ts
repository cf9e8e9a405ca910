/**
 * The other optimizers against 20 steps of PyTorch's and optax's on three small problems (goldens/optimizers.py).
 * Lion and Rprop step along signs, which rounding could turn where a gradient is near 0: on these problems it turns none.
 */
import {
  adadelta,
  adafactor,
  adagrad,
  adamax,
  adaptiveGradientClip,
  chain,
  clipByBlockRms,
  clipByNorm,
  dadaptAdamW,
  evaluationParams,
  lamb,
  lars,
  linear,
  lion,
  type Mask,
  nadam,
  type Optimizer,
  prodigy,
  radam,
  rprop,
  scaleByLearningRate,
  scaleByTrustRatio,
  scheduleFreeAdamW,
  scheduleFreeSgd,
  sgd,
} from "nabla/optim";
import { describe, expect, test } from "vitest";
import {
  descent,
  distance,
  type Leaves,
  type Named,
  precisions,
  problems,
  type Run,
  readGolden,
  type Steps,
} from "./problems.ts";

const { steps } = readGolden<{ steps: Steps }>("optimizers.json");

const mask: Mask = (_, parameter) => parameter.ndim > 1;
const cases: Named<() => Optimizer> = {
  adagrad: () => adagrad(0.1),
  "adagrad options": () => adagrad(0.1, { lrDecay: 0.1, initialAccumulatorValue: 0.5, epsilon: 1e-3 }),
  "adagrad weightDecay": () => adagrad(0.1, { weightDecay: 0.1 }),
  adadelta: () => adadelta(),
  "adadelta options": () => adadelta(0.5, { rho: 0.5, epsilon: 1e-3 }),
  "adadelta weightDecay": () => adadelta(1, { weightDecay: 0.1 }),
  adamax: () => adamax(0.01),
  "adamax options": () => adamax(0.01, { beta1: 0.5, beta2: 0.9, epsilon: 1e-3 }),
  "adamax weightDecay": () => adamax(0.01, { weightDecay: 0.1 }),
  nadam: () => nadam(0.01),
  "nadam options": () => nadam(0.01, { beta1: 0.5, beta2: 0.9, epsilon: 1e-3, momentumDecay: 0.1 }),
  "nadam weightDecay": () => nadam(0.01, { weightDecay: 0.1 }),
  "nadam decoupled": () => nadam(0.01, { weightDecay: 0.1, decoupledWeightDecay: true }),
  radam: () => radam(0.01),
  "radam options": () => radam(0.01, { beta1: 0.8, beta2: 0.9, epsilon: 1e-3 }),
  "radam never rectified": () => radam(0.01, { beta2: 0.5 }),
  "radam weightDecay": () => radam(0.01, { weightDecay: 0.1 }),
  "radam decoupled": () => radam(0.01, { weightDecay: 0.1, decoupledWeightDecay: true }),
  rprop: () => rprop(0.01),
  "rprop options": () => rprop(0.015, { etas: [0.6, 1.5], stepSizes: [0.01, 0.05] }),
  adafactor: () => adafactor(0.02),
  "adafactor options": () =>
    adafactor(0.3, {
      beta2Decay: -0.5,
      epsilon: 0.5,
      parameterEpsilon: 0.1,
      clippingThreshold: 1.05,
      weightDecay: 0.1,
    }),
  lion: () => lion(0.01),
  "lion options": () => lion(0.01, { beta1: 0.5, beta2: 0.8, weightDecay: 0.1, mask }),
  lars: () => lars(5),
  "lars options": () =>
    lars(0.3, {
      weightDecay: 0.1,
      mask,
      trustCoefficient: 0.01,
      epsilon: 1e-2,
      trustMask: mask,
      momentum: 0.5,
      nesterov: true,
    }),
  lamb: () => lamb(0.01),
  "lamb options": () => lamb(0.01, { beta1: 0.8, beta2: 0.9, epsilon: 1e-3, weightDecay: 0.1, mask }),
  "trust ratio": () => chain(scaleByTrustRatio({ minNorm: 1.5 }), scaleByLearningRate(0.1)),
  "clip by norm": () => chain(clipByNorm(0.25), sgd(0.1)),
  "clip by block rms": () => chain(clipByBlockRms(0.125), sgd(0.1)),
  "adaptive clip": () => chain(adaptiveGradientClip(0.1), sgd(0.1)),
  "adaptive clip epsilon": () => chain(adaptiveGradientClip(0.1, { epsilon: 1 }), sgd(0.1)),
  "schedule-free sgd": () => scheduleFreeSgd(0.1),
  "schedule-free sgd options": () =>
    scheduleFreeSgd(linear({ from: 0, to: 0.2, steps: 8 }), {
      beta1: 0.7,
      weightDecay: 0.1,
      weightLrPower: 1,
    }),
  "schedule-free adamW": () => scheduleFreeAdamW(0.01),
  "schedule-free adamW options": () =>
    scheduleFreeAdamW(0.01, { beta1: 0.8, beta2: 0.9, epsilon: 1e-3, weightDecay: 0.1 }),
  prodigy: () => prodigy(1, { estimLr0: 0.03 }),
  "prodigy options": () =>
    prodigy(0.1, {
      beta1: 0.8,
      beta2: 0.9,
      beta3: 0.7,
      epsilon: 1e-2,
      estimLr0: 0.03,
      estimLrCoef: 1.5,
      weightDecay: 0.1,
    }),
  "prodigy safeguard": () => prodigy(1, { estimLr0: 0.03, estimLrCoef: 2, safeguardWarmup: true }),
  "dadapt adamW": () => dadaptAdamW(0.5, { estimLr0: 1e-2 }),
  "dadapt adamW options": () =>
    dadaptAdamW(0.5, { beta1: 0.8, beta2: 0.9, epsilon: 1e-3, estimLr0: 1e-2, weightDecay: 0.1 }),
};

describe.each(precisions)("on %s against runs in %s", (device, precision) => {
  test.each(Object.keys(steps))("%s", async (name) => {
    for (const problem of problems) {
      const run = steps[name]?.[problem]?.[precision] as Run;
      const kept: number[] = [];
      const optimizer = (cases[name] as () => Optimizer)();
      const compilations = await descent(optimizer, problem, device, async (params, i, state) => {
        const evaluated: Leaves = Object.keys(run[i] as object).some((key) => key.startsWith("evaluated"))
          ? evaluationParams(state, params)
          : {};
        const named = Object.entries(evaluated).map(([key, value]) => [`evaluated ${key}`, value] as const);
        kept.push(await distance({ ...params, ...Object.fromEntries(named) }, i, run));
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
