/** Adamax's direction: the mean of the gradients over their decaying largest size. */

import { maximum, type Tensor } from "../../engine/tensor/index.ts";
import { optionNames, rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, mapTensors, type Optimizer, type TensorTree, zerosOf } from "../optimizer.ts";
import { meanOf, zeroOn } from "./means.ts";

export interface ScaleByAdamaxOptions {
  /** Decay of the mean of gradients. Default 0.9. */
  readonly beta1?: Hyper;
  /** Decay of the largest size. Default 0.999. */
  readonly beta2?: Hyper;
  /** Added to each size. Default 1e-8. */
  readonly epsilon?: Hyper;
}

export const adamaxOptions = optionNames<ScaleByAdamaxOptions>({ beta1: true, beta2: true, epsilon: true });

type AdamaxState = HyperState & {
  readonly mu: TensorTree;
  readonly largest: TensorTree;
  /** 1 - beta1^t: what a mean of ones has come to. */
  readonly weight1: Tensor;
};

/**
 * m <- b1 m + (1 - b1) g;  n <- max(b2 n, |g| + epsilon);  u = (m / (1 - b1^t)) / n.
 * State: 8 bytes per f32 parameter. Kingma and Ba, "Adam: a method for stochastic optimization", 2015, section 7.1.
 * @throws ConfigError for betas outside [0, 1), and unless epsilon > 0: it keeps n from 0.
 */
export function scaleByAdamax(options: ScaleByAdamaxOptions = {}): Optimizer<AdamaxState> {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  const op = "scaleByAdamax";
  rejectUnknown(op, options, adamaxOptions);
  const unit = { min: 0, below: 1 };
  const hyper = hyperSet(
    op,
    { beta1: [beta1, unit], beta2: [beta2, unit], epsilon: [epsilon, { above: 0 }] },
    ["beta1"],
  );
  return {
    traits: { name: op, stage: "direction", schedules: hyper.schedules },
    init(params) {
      const device = deviceOfTree(op, params);
      return {
        ...hyper.init(device),
        mu: zerosOf(op, params),
        largest: zerosOf(op, params),
        weight1: zeroOn(device),
      };
    },
    update(grads, state) {
      const now = hyper.at(state);
      const [b1, c1, b2] = [now.value("beta1"), now.complement("beta1"), now.value("beta2")];
      const epsilonNow = now.value("epsilon");
      const weight1 = state.weight1.mul(b1).add(c1);
      const correct = weight1.reciprocal();
      const mu = meanOf(op, grads, state.mu, b1, c1);
      const largest = mapTensors(
        op,
        (g, n) => maximum(n.mul(b2), g.abs().add(epsilonNow)),
        grads,
        state.largest,
      );
      const updates = mapTensors(op, (_, m, n) => m.mul(correct).div(n), grads, mu, largest);
      return [updates, { ...now.next, mu, largest, weight1 }];
    },
  };
}
