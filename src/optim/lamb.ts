/** lamb: AdamW with a step length for each tensor. */

import { rejectUnknown } from "../util/index.ts";
import { chain } from "./chain.ts";
import { type DecayOptions, decayOptions, descend } from "./descend.ts";
import type { Hyper } from "./hyper.ts";
import { addDecayedWeights } from "./links/add-decayed-weights.ts";
import { type AdamOptions, adamOptions, scaleByAdam } from "./links/scale-by-adam.ts";
import { scaleByTrustRatio } from "./links/scale-by-trust-ratio.ts";
import type { Which } from "./links/which.ts";
import type { Optimizer } from "./optimizer.ts";
import { named } from "./traits.ts";

/** `weightDecay` is decoupled. */
export interface LambOptions extends AdamOptions, DecayOptions {
  /** Which parameters' steps are scaled. Default all; biases and norms are often left out. */
  readonly trustMask?: Which;
}

/**
 * u = adam(g) + weightDecay p;  p <- p - learningRate * u * |p| / |u|, with norms of each tensor (1 where one is 0).
 * For transformers with batches of thousands. Defaults, optax's: beta1 0.9, beta2 0.999, epsilon 1e-6, weightDecay 0.
 * Bytes of state per f32 parameter: 8, with amsgrad 12. You et al., "Large batch optimization for deep learning", 2020.
 * @throws ConfigError for values out of range.
 * @example lamb(2e-3, { weightDecay: 0.01, mask: (_, p) => p.ndim > 1 });
 */
export function lamb(learningRate: Hyper, options: LambOptions = {}): Optimizer {
  rejectUnknown("lamb", options, [...adamOptions, ...decayOptions, "trustMask"]);
  const { weightDecay = 0, mask, trustMask, epsilon = 1e-6, ...direction } = options;
  const links: Optimizer[] = [scaleByAdam({ ...direction, epsilon })];
  if (weightDecay !== 0) links.push(addDecayedWeights(weightDecay, { mask }));
  return named("lamb", descend(chain(...links, scaleByTrustRatio({ mask: trustMask })), learningRate, {}));
}
