/** lars: momentum with a step length for each tensor. */

import { optionNames, rejectUnknown } from "../util/index.ts";
import { chain } from "./chain.ts";
import type { DecayOptions } from "./descend.ts";
import type { Hyper } from "./hyper.ts";
import { addDecayedWeights } from "./links/add-decayed-weights.ts";
import { scaleByLearningRate } from "./links/scale-by-learning-rate.ts";
import { scaleByTrustRatio } from "./links/scale-by-trust-ratio.ts";
import { traceMomentum } from "./links/trace-momentum.ts";
import type { Which } from "./links/which.ts";
import type { Optimizer } from "./optimizer.ts";
import { named } from "./traits.ts";

/** `weightDecay` is L2: it is added to the gradient. */
export interface LarsOptions extends DecayOptions {
  /** Default 0.9; 0 for none, and no state. */
  readonly momentum?: Hyper;
  /** Look ahead. Default false. */
  readonly nesterov?: boolean;
  /** Length of a gradient's step over that of its parameter. Default 0.001. */
  readonly trustCoefficient?: Hyper;
  /** Added to the length of the gradient. Default 0. */
  readonly epsilon?: Hyper;
  /** Which parameters' gradients are scaled. Default all; biases and norms are often left out. */
  readonly trustMask?: Which;
}

const larsOptions = optionNames<LarsOptions>({
  momentum: true,
  nesterov: true,
  trustCoefficient: true,
  epsilon: true,
  trustMask: true,
  weightDecay: true,
  mask: true,
});

/**
 * g <- g + weightDecay p;  g <- g * trustCoefficient |p| / (|g| + epsilon), with norms of each tensor;
 * b <- momentum * b - learningRate * g;  p <- p + b.
 * For convolutional networks with batches of thousands. Defaults, optax's: momentum 0.9, trustCoefficient 0.001, epsilon 0.
 * Bytes of state per f32 parameter: 4. You, Gitman and Ginsburg 2017.
 * @throws ConfigError for values out of range.
 * @example lars(10, { weightDecay: 1e-4, mask: (_, p) => p.ndim > 1, trustMask: (_, p) => p.ndim > 1 });
 */
export function lars(learningRate: Hyper, options: LarsOptions = {}): Optimizer {
  rejectUnknown("lars", options, larsOptions);
  const { weightDecay = 0, mask, momentum = 0.9, nesterov, trustCoefficient = 0.001, epsilon } = options;
  const links: Optimizer[] = weightDecay === 0 ? [] : [addDecayedWeights(weightDecay, { mask })];
  links.push(
    scaleByTrustRatio({ trustCoefficient, epsilon, mask: options.trustMask }),
    // Before the momentum: a lower rate does not shorten steps already remembered.
    scaleByLearningRate(learningRate),
  );
  if (momentum !== 0) links.push(traceMomentum(momentum, { nesterov }));
  return named("lars", chain(...links));
}
