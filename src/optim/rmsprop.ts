/** rmsprop: gradients scaled by the root of the mean of their squares. */

import { rejectUnknown } from "../util/index.ts";
import { chain } from "./chain.ts";
import type { Hyper } from "./hyper.ts";
import { addDecayedWeights } from "./links/add-decayed-weights.ts";
import { scaleByLearningRate } from "./links/scale-by-learning-rate.ts";
import { type RmsOptions, rmsOptions, scaleByRms } from "./links/scale-by-rms.ts";
import { traceMomentum } from "./links/trace-momentum.ts";
import type { Optimizer } from "./optimizer.ts";
import { named } from "./traits.ts";

export interface RmspropOptions extends RmsOptions {
  /** Of the scaled gradients. Default 0: none. */
  readonly momentum?: Hyper;
  /** L2: adds weightDecay * p to the gradient. Default 0: none. */
  readonly weightDecay?: Hyper;
}

/**
 * v <- alpha v + (1 - alpha) g^2;  b <- momentum * b + g / (sqrt(v) + epsilon);  p <- p - learningRate * b.
 * Defaults: alpha 0.99, epsilon 1e-8. Bytes of state per f32 parameter: 4, and 4 each for centered and momentum.
 * Tieleman and Hinton, lecture 6e, 2012; Graves 2013 for centered.
 * @param learningRate Default 0.01.
 * @throws ConfigError for values out of range.
 */
export function rmsprop(learningRate: Hyper = 0.01, options: RmspropOptions = {}): Optimizer {
  rejectUnknown("rmsprop", options, [...rmsOptions, "momentum", "weightDecay"]);
  const { momentum = 0, weightDecay = 0, ...direction } = options;
  const links: Optimizer[] = [];
  if (weightDecay !== 0) links.push(addDecayedWeights(weightDecay));
  links.push(scaleByRms(direction));
  if (momentum !== 0) links.push(traceMomentum(momentum));
  return named("rmsprop", chain(...links, scaleByLearningRate(learningRate)));
}
