/** scheduleFreeSgd and scheduleFreeAdamW. */

import { rejectUnknown } from "../util/index.ts";
import { chain } from "./chain.ts";
import { type DecayOptions, decayOptions } from "./descend.ts";
import type { Hyper } from "./hyper.ts";
import { addDecayedWeights } from "./links/add-decayed-weights.ts";
import { scaleByRms } from "./links/scale-by-rms.ts";
import type { Optimizer } from "./optimizer.ts";
import { type ScheduleFreeOptions, scheduleFree, scheduleFreeOptions } from "./schedule-free.ts";
import { named } from "./traits.ts";

/** `weightDecay` is of the parameters that the gradients are of. */
export interface ScheduleFreeSgdOptions extends ScheduleFreeOptions, DecayOptions {}

export interface ScheduleFreeAdamWOptions extends ScheduleFreeSgdOptions {
  /** Decay of the mean of squares. Default 0.999. */
  readonly beta2?: Hyper;
  /** Added to the root. Default 1e-8. */
  readonly epsilon?: Hyper;
}

const decay = ({ weightDecay = 0, mask }: DecayOptions): Optimizer[] =>
  weightDecay === 0 ? [] : [addDecayedWeights(weightDecay, { mask })];

/**
 * z <- z - learningRate (g + weightDecay p);  x <- (1 - c) x + c z;  p = beta1 x + (1 - beta1) z; see `scheduleFree` for c.
 * For what SGD with momentum and a decaying schedule is for, without knowing the number of steps. Evaluate `evaluationParams`.
 * Defaults, optax's: beta1 0.9, weightLrPower 2, no decay. Bytes of state per f32 parameter: 4. Defazio et al. 2024.
 * @param learningRate Default 1: best rates are larger than SGD's. A warm-up that stays at its peak is a good schedule.
 * @throws ConfigError for values out of range.
 * @example scheduleFreeSgd(linear({ from: 0, to: 1, steps: 500 }));
 */
export function scheduleFreeSgd(learningRate: Hyper = 1, options: ScheduleFreeSgdOptions = {}): Optimizer {
  rejectUnknown("scheduleFreeSgd", options, [...scheduleFreeOptions, ...decayOptions]);
  const { weightDecay, mask, ...averaging } = options;
  return named(
    "scheduleFreeSgd",
    scheduleFree(chain(...decay({ weightDecay, mask })), learningRate, averaging),
  );
}

/**
 * v <- b2 v + (1 - b2) g^2;  u = g / (sqrt(v / (1 - b2^t)) + epsilon) + weightDecay p;
 * z <- z - learningRate u;  x <- (1 - c) x + c z;  p = beta1 x + (1 - beta1) z; see `scheduleFree` for c.
 * For what AdamW with a decaying schedule is for, without knowing the number of steps. Evaluate `evaluationParams`.
 * Defaults, optax's: beta1 0.9, beta2 0.999, epsilon 1e-8, weightLrPower 2, no decay. Bytes of state per f32 parameter: 8.
 * Defazio et al. 2024.
 * @param learningRate Default 0.0025. A warm-up that stays at its peak is a good schedule.
 * @throws ConfigError for values out of range.
 * @example
 * const optimizer = scheduleFreeAdamW(2.5e-3, { weightDecay: 0.1 });
 * const scores = evaluate(model, evaluationParams(state, params));
 */
export function scheduleFreeAdamW(
  learningRate: Hyper = 0.0025,
  options: ScheduleFreeAdamWOptions = {},
): Optimizer {
  rejectUnknown("scheduleFreeAdamW", options, [...scheduleFreeOptions, ...decayOptions, "beta2", "epsilon"]);
  const { beta2 = 0.999, epsilon, weightDecay, mask, ...averaging } = options;
  const rms = scaleByRms({ alpha: beta2, epsilon, biasCorrection: true });
  return named(
    "scheduleFreeAdamW",
    scheduleFree(chain(rms, ...decay({ weightDecay, mask })), learningRate, averaging),
  );
}
