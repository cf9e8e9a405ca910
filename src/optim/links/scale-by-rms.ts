/** RMSprop's direction: the gradient over the root of the mean of its squares. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, optionNames, rejectUnknown } from "../../util/index.ts";
import { type Hyper, type HyperState, hyperSet } from "../hyper.ts";
import { deviceOfTree, mapTensors, type Optimizer, type TensorTree, zerosOf } from "../optimizer.ts";
import { meanOf, meanOfSquares, zeroOn } from "./means.ts";

export interface RmsOptions {
  /** Decay of the means. Default 0.99. */
  readonly alpha?: Hyper;
  /** Added to the root. Default 1e-8. */
  readonly epsilon?: Hyper;
  /** Divide by the deviation: take the squared mean of gradients off the mean of squares. Graves 2013. */
  readonly centered?: boolean;
  /** Divide the mean by 1 - alpha^t, as Adam does, so that the first steps are no larger. Not with centered. Default false. */
  readonly biasCorrection?: boolean;
}

export const rmsOptions = optionNames<RmsOptions>({
  alpha: true,
  epsilon: true,
  centered: true,
  biasCorrection: true,
});

type RmsState = HyperState & {
  /** Mean of squares, and of gradients when centered. */
  readonly nu: TensorTree;
  readonly mu?: TensorTree;
  /** 1 - alpha^t: what a mean of ones has come to; only with biasCorrection. */
  readonly weight?: Tensor;
};

/**
 * v <- a v + (1 - a) g^2;  u = g / (sqrt(v) + epsilon).
 * Centered: m <- a m + (1 - a) g;  u = g / (sqrt(v - m^2) + epsilon).
 * Without `biasCorrection` the first steps are larger, as in PyTorch. State: 4 bytes per f32 parameter, 8 when centered.
 * Tieleman and Hinton, "Lecture 6e", Neural networks for machine learning, 2012.
 * @throws ConfigError for alpha outside [0, 1), a negative epsilon, and centered with biasCorrection.
 */
export function scaleByRms(options: RmsOptions = {}): Optimizer<RmsState> {
  rejectUnknown("scaleByRms", options, rmsOptions);
  const { alpha = 0.99, epsilon = 1e-8, centered = false, biasCorrection = false } = options;
  if (centered && biasCorrection) {
    // The deviation of one gradient from itself is 0.
    throw new ConfigError("scaleByRms: biasCorrection must be off where centered is on; got both.");
  }
  const hyper = hyperSet(
    "scaleByRms",
    { alpha: [alpha, { min: 0, below: 1 }], epsilon: [epsilon, { min: 0 }] },
    ["alpha"],
  );
  return {
    traits: { name: "scaleByRms", stage: "direction", schedules: hyper.schedules },
    init(params) {
      const device = deviceOfTree("scaleByRms", params);
      const state = { ...hyper.init(device), nu: zerosOf("scaleByRms", params) };
      if (biasCorrection) return { ...state, weight: zeroOn(device) };
      return centered ? { ...state, mu: zerosOf("scaleByRms", params) } : state;
    },
    update(grads, state) {
      const now = hyper.at(state);
      const [a, c, epsilonNow] = [now.value("alpha"), now.complement("alpha"), now.value("epsilon")];
      const weight = state.weight?.mul(a).add(c);
      const correct = weight?.reciprocal() ?? 1;
      const nu = meanOfSquares("scaleByRms", grads, state.nu, a, c);
      const mu = state.mu && meanOf("scaleByRms", grads, state.mu, a, c);
      const updates = mu
        ? mapTensors(
            "scaleByRms",
            // Rounding may take a variance near 0 below it.
            (g, v, m) => g.div(v.sub(m.square()).maximum(0).sqrt().add(epsilonNow)),
            grads,
            nu,
            mu,
          )
        : mapTensors("scaleByRms", (g, v) => g.div(v.mul(correct).sqrt().add(epsilonNow)), grads, nu);
      return [updates, { ...now.next, nu, ...(mu && { mu }), ...(weight && { weight }) }];
    },
  };
}
