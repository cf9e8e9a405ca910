/** sgd: gradient descent, with momentum if asked for. */

import { ConfigError, optionNames, rejectUnknown } from "../util/index.ts";
import { chain } from "./chain.ts";
import type { Hyper } from "./hyper.ts";
import { addDecayedWeights } from "./links/add-decayed-weights.ts";
import { scaleByLearningRate } from "./links/scale-by-learning-rate.ts";
import { type MomentumOptions, traceMomentum } from "./links/trace-momentum.ts";
import type { Optimizer } from "./optimizer.ts";
import { named } from "./traits.ts";

export interface SgdOptions extends MomentumOptions {
  /** Default 0: none, and no state for it. */
  readonly momentum?: Hyper;
  /** L2: adds weightDecay * p to the gradient. Default 0: none. */
  readonly weightDecay?: Hyper;
}

const sgdOptions = optionNames<SgdOptions>({
  momentum: true,
  weightDecay: true,
  dampening: true,
  nesterov: true,
});

/**
 * p <- p - learningRate * b, with b = g, or momentum * b + (1 - dampening) g, or with `nesterov` g + momentum * b.
 * Bytes of state per f32 parameter: 0, with momentum 4. An option left at 0 is left out of the program, so it cannot be set later.
 * Robbins and Monro 1951; Polyak 1964; Sutskever et al. 2013.
 * @param learningRate Default 0.01.
 * @throws ConfigError for negative values, for dampening or nesterov without momentum, and for both together.
 * @example sgd(0.1, { momentum: 0.9, nesterov: true });
 */
export function sgd(learningRate: Hyper = 0.01, options: SgdOptions = {}): Optimizer {
  rejectUnknown("sgd", options, sgdOptions);
  const { momentum = 0, weightDecay = 0, dampening = 0, nesterov = false } = options;
  const links: Optimizer[] = [];
  if (weightDecay !== 0) links.push(addDecayedWeights(weightDecay));
  if (momentum !== 0 || dampening !== 0 || nesterov) {
    if (momentum === 0) {
      throw new ConfigError("sgd: dampening and nesterov need a momentum above 0; got momentum 0.");
    }
    links.push(traceMomentum(momentum, { dampening, nesterov }));
  }
  return named("sgd", chain(...links, scaleByLearningRate(learningRate)));
}
