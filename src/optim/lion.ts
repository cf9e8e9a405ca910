/** lion: steps of one size along signs. */

import { rejectUnknown } from "../util/index.ts";
import { type DecayOptions, decayOptions, descend } from "./descend.ts";
import type { Hyper } from "./hyper.ts";
import { lionOptions, type ScaleByLionOptions, scaleByLion } from "./links/scale-by-lion.ts";
import type { Optimizer } from "./optimizer.ts";
import { named } from "./traits.ts";

/** `weightDecay` is decoupled, by default 0.001. */
export interface LionOptions extends ScaleByLionOptions, DecayOptions {}

/**
 * p <- p - learningRate * (sign(b1 m + (1 - b1) g) + weightDecay p);  m <- b2 m + (1 - b2) g.
 * For large batches and little memory: take a third to a tenth of AdamW's learning rate, and as many times its decay.
 * Defaults, optax's: beta1 0.9, beta2 0.99, weightDecay 0.001. Bytes of state per f32 parameter: 4. Chen et al. 2023.
 * @param learningRate Default 0.0001, the paper's.
 * @throws ConfigError for values out of range.
 * @example lion(1e-4, { weightDecay: 0.1 });
 */
export function lion(learningRate: Hyper = 1e-4, options: LionOptions = {}): Optimizer {
  rejectUnknown("lion", options, [...lionOptions, ...decayOptions]);
  const { weightDecay = 1e-3, mask, ...direction } = options;
  return named("lion", descend(scaleByLion(direction), learningRate, { weightDecay, mask }, true));
}
