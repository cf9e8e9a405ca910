/** adagrad: steps that shrink with the sum of the squared gradients. */

import { rejectUnknown } from "../util/index.ts";
import { type DecayOptions, decayOptions, descend } from "./descend.ts";
import type { Hyper } from "./hyper.ts";
import { adagradOptions, type ScaleByAdagradOptions, scaleByAdagrad } from "./links/scale-by-adagrad.ts";
import type { Optimizer } from "./optimizer.ts";
import { named } from "./traits.ts";

/** `weightDecay` is L2: it is added to the gradient. */
export interface AdagradOptions extends ScaleByAdagradOptions, DecayOptions {}

/**
 * s <- s + g^2;  p <- p - learningRate / (1 + (t - 1) lrDecay) * g / (sqrt(s) + epsilon).
 * For sparse features, whose rare gradients keep long steps. Defaults, PyTorch's: lrDecay 0, initialAccumulatorValue 0, epsilon 1e-10.
 * Bytes of state per f32 parameter: 4. Duchi, Hazan and Singer 2011.
 * @param learningRate Default 0.01.
 * @throws ConfigError for negative values.
 * @example adagrad(0.1, { initialAccumulatorValue: 0.1 });
 */
export function adagrad(learningRate: Hyper = 0.01, options: AdagradOptions = {}): Optimizer {
  rejectUnknown("adagrad", options, [...adagradOptions, ...decayOptions]);
  const { weightDecay, mask, ...direction } = options;
  return named("adagrad", descend(scaleByAdagrad(direction), learningRate, { weightDecay, mask }));
}
