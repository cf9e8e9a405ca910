/** NAdam's direction: Adam's, looking ahead as Nesterov's momentum does. */

import { pow, type Tensor } from "../../engine/tensor/index.ts";
import { optionNames, rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, mapTensors, type Optimizer, type TensorTree, zerosOf } from "../optimizer.ts";
import { meanOf, meanOfSquares, zeroOn } from "./means.ts";

export interface ScaleByNadamOptions {
  /** Decay of the mean of gradients. Default 0.9. */
  readonly beta1?: Hyper;
  /** Decay of the mean of squares. Default 0.999. */
  readonly beta2?: Hyper;
  /** Added to the root. Default 1e-8. */
  readonly epsilon?: Hyper;
  /** How fast the momentum rises from beta1 / 2 to beta1. Default 0.004, the paper's. */
  readonly momentumDecay?: Hyper;
}

export const nadamOptions = optionNames<ScaleByNadamOptions>({
  beta1: true,
  beta2: true,
  epsilon: true,
  momentumDecay: true,
});

type NadamState = HyperState & {
  readonly mu: TensorTree;
  readonly nu: TensorTree;
  readonly weight2: Tensor;
  /** 1 - the product of all momenta so far: what a mean of ones with these decays has come to. */
  readonly weight: Tensor;
  /** Steps taken, i32. */
  readonly steps: Tensor;
};

/**
 * a(t) = b1 (1 - 0.96^(t momentumDecay) / 2);  w(t) = 1 - a(1) ... a(t);  m and v as Adam's;
 * u = ((1 - a(t)) g / w(t) + a(t + 1) m / w(t + 1)) / (sqrt(v / (1 - b2^t)) + epsilon).
 * State: 8 bytes per f32 parameter. Dozat, "Incorporating Nesterov momentum into Adam", 2016.
 * @throws ConfigError for betas outside [0, 1) or negative values.
 */
export function scaleByNadam(options: ScaleByNadamOptions = {}): Optimizer<NadamState> {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, momentumDecay = 0.004 } = options;
  const op = "scaleByNadam";
  rejectUnknown(op, options, nadamOptions);
  const unit = { min: 0, below: 1 };
  const hyper = hyperSet(
    op,
    {
      beta1: [beta1, unit],
      beta2: [beta2, unit],
      epsilon: [epsilon, { min: 0 }],
      momentumDecay: [momentumDecay, { min: 0 }],
    },
    ["beta1", "beta2"],
  );
  return {
    traits: { name: op, stage: "direction", schedules: hyper.schedules },
    init(params) {
      const device = deviceOfTree(op, params);
      return {
        ...hyper.init(device),
        mu: zerosOf(op, params),
        nu: zerosOf(op, params),
        weight2: zeroOn(device),
        weight: zeroOn(device),
        steps: zeroOn(device, "i32"),
      };
    },
    update(grads, state) {
      const now = hyper.at(state);
      const [b1, c1] = [now.value("beta1"), now.complement("beta1")];
      const [b2, c2] = [now.value("beta2"), now.complement("beta2")];
      const epsilonNow = now.value("epsilon");
      const steps = state.steps.add(1);
      const momentumAt = (step: Tensor) =>
        b1.mul(
          pow(0.96, step.astype("f32").mul(now.value("momentumDecay")))
            .mul(-0.5)
            .add(1),
        );
      const [a, ahead] = [momentumAt(steps), momentumAt(steps.add(1))];
      const rest = a.neg().add(1);
      const weight = state.weight.mul(a).add(rest);
      const weightAhead = weight.mul(ahead).add(ahead.neg().add(1));
      const [ofGrad, ofMean] = [rest.div(weight), ahead.div(weightAhead)];
      const weight2 = state.weight2.mul(b2).add(c2);
      const correct2 = weight2.reciprocal();

      const mu = meanOf(op, grads, state.mu, b1, c1);
      const nu = meanOfSquares(op, grads, state.nu, b2, c2);
      const updates = mapTensors(
        op,
        (g, m, v) => g.mul(ofGrad).add(m.mul(ofMean)).div(v.mul(correct2).sqrt().add(epsilonNow)),
        grads,
        mu,
        nu,
      );
      return [updates, { ...now.next, mu, nu, weight2, weight, steps }];
    },
  };
}
