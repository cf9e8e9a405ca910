/** dadaptAdamW: AdamW that finds its learning rate. */

import { type Tensor, tensor } from "../engine/tensor/index.ts";
import { optionNames, rejectUnknown } from "../util/index.ts";
import type { DecayOptions } from "./descend.ts";
import { type Hyper, type HyperState, hyperSet } from "./hyper.ts";
import { grown, totalOf, withDecay } from "./links/distance.ts";
import { meanOf, meanOfSquares, zeroOn } from "./links/means.ts";
import { picker } from "./links/which.ts";
import { deviceOfTree, mapTensors, type Optimizer, type TensorTree, zerosOf } from "./optimizer.ts";
import { checkRange } from "./range.ts";

/** `weightDecay` is decoupled. */
export interface DadaptAdamWOptions extends DecayOptions {
  /** Decay of the mean of gradients. Default 0.9. */
  readonly beta1?: Hyper;
  /** Decay of the mean of squares. Default 0.999. */
  readonly beta2?: Hyper;
  /** Added to the root. Default 1e-8. */
  readonly epsilon?: Hyper;
  /** The first estimate d: small beside any good learning rate. Default 1e-6. */
  readonly estimLr0?: number;
}

const dadaptAdamWOptions = optionNames<DadaptAdamWOptions>({
  beta1: true,
  beta2: true,
  epsilon: true,
  estimLr0: true,
  weightDecay: true,
  mask: true,
});

type DadaptState = HyperState & {
  readonly mu: TensorTree;
  readonly nu: TensorTree;
  /** Mean of gradients, weighted by their steps. */
  readonly sum: TensorTree;
  readonly weight1: Tensor;
  readonly weight2: Tensor;
  readonly estimate: Tensor;
  readonly numerator: Tensor;
};

/**
 * a = learningRate d sqrt(1 - b2^t) / (1 - b1^t), k = sqrt(b2);  r <- k r + (1 - k) a <g, s / (sqrt(v) + epsilon)>;
 * m <- b1 m + (1 - b1) a g;  v <- b2 v + (1 - b2) g^2;  s <- k s + (1 - k) a g;
 * p <- p - m / (sqrt(v) + epsilon) - a weightDecay p;  d <- max(d, r / ((1 - k) |s|)), with the 1-norm.
 * For when there is no time to search a learning rate; `prodigy` finds it in fewer steps, this takes less memory.
 * Defaults, optax's: beta1 0.9, beta2 0.999, epsilon 1e-8, estimLr0 1e-6, no decay. Bytes of state per f32 parameter: 12.
 * Defazio and Mishchenko, "Learning-rate-free learning by D-Adaptation", 2023.
 * @param learningRate Factor of the rate found. Default 1.
 * @throws ConfigError for values out of range; epsilon must be above 0.
 * @example dadaptAdamW(1, { weightDecay: 0.01 });
 */
export function dadaptAdamW(
  learningRate: Hyper = 1,
  options: DadaptAdamWOptions = {},
): Optimizer<DadaptState> {
  rejectUnknown("dadaptAdamW", options, dadaptAdamWOptions);
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, estimLr0 = 1e-6, weightDecay = 0 } = options;
  const op = "dadaptAdamW";
  const { takes, check } = picker(op, options.mask);
  const unit = { min: 0, below: 1 };
  checkRange(op, "estimLr0", estimLr0, { above: 0 });
  const hyper = hyperSet(
    op,
    {
      learningRate: [learningRate, { min: 0 }],
      beta1: [beta1, unit],
      beta2: [beta2, unit],
      epsilon: [epsilon, { above: 0 }],
      ...(weightDecay === 0 ? {} : { weightDecay: [weightDecay, { min: 0 }] as const }),
    },
    ["beta1", "beta2"],
  );
  return {
    traits: {
      name: op,
      stage: "step",
      decays: weightDecay !== 0 && options.mask === undefined,
      schedules: hyper.schedules,
    },
    init(params) {
      check(params);
      const device = deviceOfTree(op, params);
      return {
        ...hyper.init(device),
        mu: zerosOf(op, params),
        nu: zerosOf(op, params),
        sum: zerosOf(op, params),
        weight1: zeroOn(device),
        weight2: zeroOn(device),
        estimate: tensor(estimLr0, { dtype: "f32", device }),
        numerator: zeroOn(device),
      };
    },
    update(grads, state, params) {
      const now = hyper.at(state);
      const [b1, c1] = [now.value("beta1"), now.complement("beta1")];
      const [b2, c2] = [now.value("beta2"), now.complement("beta2")];
      const epsilonNow = now.value("epsilon");
      const keep = b2.sqrt();
      // 1 - sqrt(b2), without the cancellation.
      const share = c2.div(keep.add(1));
      const weight1 = state.weight1.mul(b1).add(c1);
      const weight2 = state.weight2.mul(b2).add(c2);
      const rate = state.estimate.mul(now.value("learningRate")).mul(weight2.sqrt().div(weight1));

      const aligned = totalOf(
        mapTensors(
          op,
          (g, s, v) => g.mul((s as Tensor).div((v as Tensor).sqrt().add(epsilonNow))),
          grads,
          state.sum,
          state.nu,
        ),
      );
      const numerator = state.numerator.mul(keep).add(share.mul(rate).mul(aligned));
      const sum = meanOf(op, grads, state.sum, keep, share.mul(rate));
      const estimate = grown(op, state.estimate, numerator.div(share), sum);

      const mu = meanOf(op, grads, state.mu, b1, c1.mul(rate));
      const nu = meanOfSquares(op, grads, state.nu, b2, c2);
      const steps = mapTensors(op, (_, m, v) => m.div(v.sqrt().add(epsilonNow)).neg(), grads, mu, nu);
      const decay = weightDecay === 0 ? null : rate.mul(now.value("weightDecay"));
      const next = { mu, nu, sum, weight1, weight2, estimate, numerator };
      return [withDecay(op, steps, params, decay, takes), { ...now.next, ...next }];
    },
  };
}
