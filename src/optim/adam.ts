/** adam and adamW. */

import { rejectUnknown } from "../util/index.ts";
import { chain } from "./chain.ts";
import { decayOptions } from "./descend.ts";
import type { Hyper } from "./hyper.ts";
import { addDecayedWeights } from "./links/add-decayed-weights.ts";
import { type AdamOptions, adamOptions, scaleByAdam } from "./links/scale-by-adam.ts";
import { scaleByLearningRate } from "./links/scale-by-learning-rate.ts";
import type { Which } from "./links/which.ts";
import type { Optimizer } from "./optimizer.ts";
import { named } from "./traits.ts";

/**
 * m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;
 * p <- p - learningRate * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon).
 * Defaults: beta1 0.9, beta2 0.999, epsilon 1e-8. Bytes of state per f32 parameter: 8, with amsgrad 12.
 * For L2 put `addDecayedWeights` before it in a chain; for decoupled decay use `adamW`.
 * Kingma and Ba 2015.
 * @param learningRate Default 0.001.
 * @throws ConfigError for values out of range.
 * @example adam(1e-3);
 */
export function adam(learningRate: Hyper = 1e-3, options: AdamOptions = {}): Optimizer {
  rejectUnknown("adam", options, adamOptions);
  return named("adam", chain(scaleByAdam(options), scaleByLearningRate(learningRate)));
}

export interface AdamWOptions extends AdamOptions {
  /** Default 0.01. */
  readonly weightDecay?: Hyper;
  /** Which parameters decay. Default all; biases and norms are often left out. */
  readonly mask?: Which;
}

/**
 * Adam whose decay does not pass through the moments: p <- p - learningRate * (adam(g) + weightDecay * p).
 * Defaults: as adam, and weightDecay 0.01. Bytes of state per f32 parameter: 8, with amsgrad 12.
 * Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.
 * @param learningRate Default 0.001.
 * @throws ConfigError for values out of range.
 */
export function adamW(learningRate: Hyper = 1e-3, options: AdamWOptions = {}): Optimizer {
  rejectUnknown("adamW", options, [...adamOptions, ...decayOptions]);
  const { weightDecay = 0.01, mask, ...direction } = options;
  return named(
    "adamW",
    chain(
      scaleByAdam(direction),
      addDecayedWeights(weightDecay, { mask }),
      scaleByLearningRate(learningRate),
    ),
  );
}
