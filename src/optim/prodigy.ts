/** prodigy: Adam that finds its learning rate. */

import { type Tensor, tensor } from "../engine/tensor/index.ts";
import { optionNames, rejectUnknown } from "../util/index.ts";
import type { DecayOptions } from "./descend.ts";
import { type Hyper, type HyperState, hyperSet } from "./hyper.ts";
import { grown, totalOf, withDecay } from "./links/distance.ts";
import { meanOf, meanOfSquares, zeroOn } from "./links/means.ts";
import { picker } from "./links/which.ts";
import { copiesOf, deviceOfTree, mapTensors, type Optimizer, type TensorTree, zerosOf } from "./optimizer.ts";
import { checkRange } from "./range.ts";

/** `weightDecay` is decoupled. */
export interface ProdigyOptions extends DecayOptions {
  /** Decay of the mean of gradients. Default 0.9. */
  readonly beta1?: Hyper;
  /** Decay of the mean of squares. Default 0.999. */
  readonly beta2?: Hyper;
  /** Decay of the sums behind the estimate. Default sqrt(beta2). */
  readonly beta3?: Hyper;
  /** Added to the root, in units of d. Default 1e-8. */
  readonly epsilon?: Hyper;
  /** The first estimate d: small beside any good learning rate. Default 1e-6. */
  readonly estimLr0?: number;
  /** Factor of the estimates: 2 or 0.5 where they turn out too small or too large. Default 1. */
  readonly estimLrCoef?: Hyper;
  /** Keep the warm-up of the learning rate out of the sums. Default false. */
  readonly safeguardWarmup?: boolean;
}

const prodigyOptions = optionNames<ProdigyOptions>({
  beta1: true,
  beta2: true,
  beta3: true,
  epsilon: true,
  estimLr0: true,
  estimLrCoef: true,
  safeguardWarmup: true,
  weightDecay: true,
  mask: true,
});

type ProdigyState = HyperState & {
  readonly mu: TensorTree;
  readonly nu: TensorTree;
  /** Decaying sum of gradients, weighted by their steps. */
  readonly sum: TensorTree;
  readonly initial: TensorTree;
  readonly weight1: Tensor;
  readonly weight2: Tensor;
  readonly estimate: Tensor;
  readonly numerator: Tensor;
};

/**
 * a = learningRate d sqrt(1 - b2^t) / (1 - b1^t);  m <- b1 m + (1 - b1) d g;  v <- b2 v + (1 - b2) d^2 g^2;
 * r <- b3 r + (d / d0) a <g, p0 - p>;  s <- b3 s + (d / d0) a g (d in place of a when `safeguardWarmup`);
 * d <- max(d, estimLrCoef r / |s|), with the 1-norm: a bound of how far p0 is from the goal;
 * p <- p - a (m / (sqrt(v) + d epsilon) + weightDecay p), with the new d beside the root and the old one in a.
 * For when there is no time to search a learning rate. Defaults, optax's: beta1 0.9, beta2 0.999, epsilon 1e-8, estimLr0 (d0) 1e-6.
 * Bytes of state per f32 parameter: 16. Mishchenko and Defazio, "Prodigy: an expeditiously adaptive parameter-free learner", 2024.
 * @param learningRate Factor of the rate found. Default 1; a schedule from 1 down to 0 suits.
 * @throws ConfigError for values out of range.
 * @example prodigy(warmupCosine({ peak: 1, total: 4000 }), { weightDecay: 0.01 });
 */
export function prodigy(learningRate: Hyper = 1, options: ProdigyOptions = {}): Optimizer<ProdigyState> {
  rejectUnknown("prodigy", options, prodigyOptions);
  const { beta1 = 0.9, beta2 = 0.999, beta3, epsilon = 1e-8, estimLr0 = 1e-6, estimLrCoef = 1 } = options;
  const { weightDecay = 0, safeguardWarmup = false } = options;
  const op = "prodigy";
  const { takes, check } = picker(op, options.mask);
  const unit = { min: 0, below: 1 };
  checkRange(op, "estimLr0", estimLr0, { above: 0 });
  const hyper = hyperSet(
    op,
    {
      learningRate: [learningRate, { min: 0 }],
      beta1: [beta1, unit],
      beta2: [beta2, unit],
      ...(beta3 === undefined ? {} : { beta3: [beta3, unit] as const }),
      epsilon: [epsilon, { min: 0 }],
      estimLrCoef: [estimLrCoef, { above: 0 }],
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
        initial: copiesOf(op, params),
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
      const b3 = beta3 === undefined ? b2.sqrt() : now.value("beta3");
      const weight1 = state.weight1.mul(b1).add(c1);
      const weight2 = state.weight2.mul(b2).add(c2);
      const d = state.estimate;
      const rate = d.mul(now.value("learningRate")).mul(weight2.sqrt().div(weight1));

      const relative = d.div(estimLr0);
      const travelled = totalOf(
        mapTensors(op, (g, p, p0) => g.mul((p0 as Tensor).sub(p as Tensor)), grads, params, state.initial),
      );
      const numerator = state.numerator.mul(b3).add(relative.mul(rate).mul(travelled));
      const sum = meanOf(op, grads, state.sum, b3, relative.mul(safeguardWarmup ? d : rate));
      const estimate = grown(op, d, numerator.mul(now.value("estimLrCoef")), sum);

      const mu = meanOf(op, grads, state.mu, b1, c1.mul(d));
      const nu = meanOfSquares(op, grads, state.nu, b2, c2.mul(d).mul(d));
      const small = estimate.mul(now.value("epsilon"));
      const steps = mapTensors(op, (_, m, v) => m.div(v.sqrt().add(small)).mul(rate).neg(), grads, mu, nu);
      const decay = weightDecay === 0 ? null : rate.mul(now.value("weightDecay"));
      const next = { mu, nu, sum, initial: state.initial, weight1, weight2, estimate, numerator };
      return [withDecay(op, steps, params, decay, takes), { ...now.next, ...next }];
    },
  };
}
