/** nadam: Adam with Nesterov's momentum. */

import { rejectUnknown } from "../util/index.ts";
import { type DecayOptions, decayOptions, descend } from "./descend.ts";
import type { Hyper } from "./hyper.ts";
import { nadamOptions, type ScaleByNadamOptions, scaleByNadam } from "./links/scale-by-nadam.ts";
import type { Optimizer } from "./optimizer.ts";
import { named } from "./traits.ts";

export interface NadamOptions extends ScaleByNadamOptions, DecayOptions {
  /** Decay past the moments, as in AdamW, instead of L2 on the gradient. Default false. */
  readonly decoupledWeightDecay?: boolean;
}

/**
 * p <- p - learningRate * ((1 - a(t)) g / w(t) + a(t + 1) m / w(t + 1)) / (sqrt(v / (1 - b2^t)) + epsilon), with Adam's m and v,
 * a(t) = b1 (1 - 0.96^(t momentumDecay) / 2) and w(t) = 1 - a(1) ... a(t).
 * For what Adam is for, often a little faster at first: its momentum looks one step ahead and warms up.
 * Defaults, PyTorch's: beta1 0.9, beta2 0.999, epsilon 1e-8, momentumDecay 0.004. Bytes of state per f32 parameter: 8. Dozat 2016.
 * @param learningRate Default 0.002.
 * @throws ConfigError for values out of range.
 * @example nadam(2e-3, { weightDecay: 0.01, decoupledWeightDecay: true });
 */
export function nadam(learningRate: Hyper = 2e-3, options: NadamOptions = {}): Optimizer {
  rejectUnknown("nadam", options, [...nadamOptions, ...decayOptions, "decoupledWeightDecay"]);
  const { weightDecay, mask, decoupledWeightDecay, ...direction } = options;
  return named(
    "nadam",
    descend(scaleByNadam(direction), learningRate, { weightDecay, mask }, decoupledWeightDecay),
  );
}
