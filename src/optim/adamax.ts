/** adamax: Adam in the maximum norm. */

import { rejectUnknown } from "../util/index.ts";
import { type DecayOptions, decayOptions, descend } from "./descend.ts";
import type { Hyper } from "./hyper.ts";
import { adamaxOptions, type ScaleByAdamaxOptions, scaleByAdamax } from "./links/scale-by-adamax.ts";
import type { Optimizer } from "./optimizer.ts";
import { named } from "./traits.ts";

/** `weightDecay` is L2: it is added to the gradient. */
export interface AdamaxOptions extends ScaleByAdamaxOptions, DecayOptions {}

/**
 * m <- b1 m + (1 - b1) g;  n <- max(b2 n, |g| + epsilon);  p <- p - learningRate * (m / (1 - b1^t)) / n.
 * For gradients with outliers (embeddings): one large gradient shortens later steps less abruptly than in Adam.
 * Defaults, PyTorch's: beta1 0.9, beta2 0.999, epsilon 1e-8. Bytes of state per f32 parameter: 8. Kingma and Ba 2015.
 * @param learningRate Default 0.002.
 * @throws ConfigError for values out of range.
 * @example adamax(2e-3);
 */
export function adamax(learningRate: Hyper = 2e-3, options: AdamaxOptions = {}): Optimizer {
  rejectUnknown("adamax", options, [...adamaxOptions, ...decayOptions]);
  const { weightDecay, mask, ...direction } = options;
  return named("adamax", descend(scaleByAdamax(direction), learningRate, { weightDecay, mask }));
}
