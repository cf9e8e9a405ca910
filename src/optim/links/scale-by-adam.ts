/** Adam's direction: the mean of the gradients over the root of the mean of their squares. */

import { maximum, type Tensor, tensor } from "../../engine/tensor/index.ts";
import { optionNames, rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, mapTensors, type Optimizer, type TensorTree, zerosOf } from "../optimizer.ts";
import { meanOf, meanOfSquares } from "./means.ts";

export interface AdamOptions {
  /** Decay of the mean of gradients. Default 0.9. */
  readonly beta1?: Hyper;
  /** Decay of the mean of squares. Default 0.999. */
  readonly beta2?: Hyper;
  /** Added to the root. Default 1e-8. */
  readonly epsilon?: Hyper;
  /** Divide by the largest mean of squares so far. Reddi et al., "On the convergence of Adam and beyond", 2018. */
  readonly amsgrad?: boolean;
}

export const adamOptions = optionNames<AdamOptions>({
  beta1: true,
  beta2: true,
  epsilon: true,
  amsgrad: true,
});

type AdamState = HyperState & {
  /** Means of gradients and of squares; the largest of the latter for amsgrad. */
  readonly mu: TensorTree;
  readonly nu: TensorTree;
  readonly nuMax?: TensorTree;
  /** 1 - beta^t: what a mean of ones has come to. */
  readonly weight1: Tensor;
  readonly weight2: Tensor;
};

/**
 * m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  u = (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon).
 *
 * A mean below 2^-100 counts as 0. With `amsgrad` the root is of max over time of v (not yet corrected), as PyTorch has it.
 * State: 8 bytes per f32 parameter, 12 with amsgrad. The corrections 1 - b^t are carried as running means of 1
 * (w <- b w + (1 - b)): no power of b near 1 to cancel, and right for scheduled betas too.
 * Kingma and Ba, "Adam: a method for stochastic optimization", 2015.
 * @throws ConfigError for betas outside [0, 1) or a negative epsilon.
 */
export function scaleByAdam(options: AdamOptions = {}): Optimizer<AdamState> {
  rejectUnknown("scaleByAdam", options, adamOptions);
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, amsgrad = false } = options;
  const unit = { min: 0, below: 1 };
  const hyper = hyperSet(
    "scaleByAdam",
    { beta1: [beta1, unit], beta2: [beta2, unit], epsilon: [epsilon, { min: 0 }] },
    ["beta1", "beta2"],
  );
  /** What a step divides by, and the numbers it comes from. */
  const squares = (grads: TensorTree, state: AdamState) => {
    const now = hyper.at(state);
    const [b1, b2] = [now.value("beta1"), now.value("beta2")];
    const [c1, c2] = [now.complement("beta1"), now.complement("beta2")];
    const weight1 = state.weight1.mul(b1).add(c1);
    const weight2 = state.weight2.mul(b2).add(c2);
    const correct2 = weight2.reciprocal();
    const epsilonNow = now.value("epsilon");
    const nu = meanOfSquares("scaleByAdam", grads, state.nu, b2, c2);
    const nuMax =
      state.nuMax && mapTensors("scaleByAdam", (v, w) => maximum(v, w as Tensor), nu, state.nuMax);
    const root = (v: Tensor): Tensor => v.mul(correct2).sqrt().add(epsilonNow);
    return { b1, c1, weight1, weight2, nu, nuMax, root, next: now.next };
  };
  return {
    traits: { name: "scaleByAdam", stage: "direction", schedules: hyper.schedules },
    init(params) {
      const device = deviceOfTree("scaleByAdam", params);
      const zero = () => tensor(0, { dtype: "f32", device });
      const state = {
        ...hyper.init(device),
        mu: zerosOf("scaleByAdam", params),
        nu: zerosOf("scaleByAdam", params),
        weight1: zero(),
        weight2: zero(),
      };
      return amsgrad ? { ...state, nuMax: zerosOf("scaleByAdam", params) } : state;
    },
    update(grads, state) {
      const { b1, c1, weight1, weight2, nu, nuMax, root, next } = squares(grads, state);
      const correct1 = weight1.reciprocal();
      const mu = meanOf("scaleByAdam", grads, state.mu, b1, c1);
      const updates = mapTensors(
        "scaleByAdam",
        (_, m, v) => m.mul(correct1).div(root(v)),
        grads,
        mu,
        nuMax ?? nu,
      );
      const all = { ...next, mu, nu, weight1, weight2 };
      return [updates, nuMax ? { ...all, nuMax } : all];
    },
    // m <- b1 m + c1 g with m before = -m: m = c1 / (1 + b1) g. Decay that goes through the root (L2) is not a multiple of p.
    alternation(before, state, grads) {
      if (before.scale !== null || before.decay !== null) return null;
      const { b1, c1, weight1, nu, nuMax, root } = squares(grads, state);
      const scale = mapTensors("scaleByAdam", (v) => root(v).reciprocal(), nuMax ?? nu);
      return { gain: before.gain.mul(c1).div(b1.add(1)).div(weight1), scale, decay: null };
    },
  };
}
