/** radam: Adam that warms up by itself. */

import { rejectUnknown } from "../util/index.ts";
import { type DecayOptions, decayOptions, descend } from "./descend.ts";
import type { Hyper } from "./hyper.ts";
import { radamOptions, type ScaleByRadamOptions, scaleByRadam } from "./links/scale-by-radam.ts";
import type { Optimizer } from "./optimizer.ts";
import { named } from "./traits.ts";

export interface RadamOptions extends ScaleByRadamOptions, DecayOptions {
  /** Decay past the moments, as in AdamW, instead of L2 on the gradient. Default false. */
  readonly decoupledWeightDecay?: boolean;
}

/**
 * p <- p - learningRate * m / (1 - b1^t), times sqrt(1 - b2^t) r(t) / (sqrt(v) + epsilon) from where v averages over 5 steps:
 * Adam's step, rectified by r(t) for how short that average is (see `scaleByRadam`).
 * For Adam's uses without a warm-up schedule. Defaults, PyTorch's: beta1 0.9, beta2 0.999, epsilon 1e-8.
 * Bytes of state per f32 parameter: 8. Liu et al. 2020.
 * @param learningRate Default 0.001.
 * @throws ConfigError for values out of range.
 * @example radam(1e-3, { weightDecay: 0.01, decoupledWeightDecay: true });
 */
export function radam(learningRate: Hyper = 1e-3, options: RadamOptions = {}): Optimizer {
  rejectUnknown("radam", options, [...radamOptions, ...decayOptions, "decoupledWeightDecay"]);
  const { weightDecay, mask, decoupledWeightDecay, ...direction } = options;
  return named(
    "radam",
    descend(scaleByRadam(direction), learningRate, { weightDecay, mask }, decoupledWeightDecay),
  );
}
