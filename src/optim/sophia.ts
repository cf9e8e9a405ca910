/** sophia: steps by curvature, estimated now and then. */
import { rejectUnknown } from "../util/index.ts";
import { type DecayOptions, decayOptions, descend } from "./descend.ts";
import type { Hyper } from "./hyper.ts";
import { type ScaleBySophiaOptions, scaleBySophia, sophiaLinkOptions } from "./links/scale-by-sophia.ts";
import type { Optimizer } from "./optimizer.ts";
import { named } from "./traits.ts";

/** `weightDecay` is decoupled, by default 0.0001. */
export interface SophiaOptions extends ScaleBySophiaOptions, DecayOptions {}

/**
 * p <- p - learningRate * (clip(m / max(gamma h, epsilon), clipThreshold) + weightDecay p), with m the mean of gradients and h that of
 * estimates of the Hessian's diagonal, one every `every` steps: by default Hutchinson's (Sophia-H), two backward passes more;
 * `gaussNewtonBartlett` makes it Sophia-G. Tune gamma so that about a tenth to a half of the coordinates are not clipped.
 * Defaults, optax's: beta1 0.965, beta2 0.99, epsilon 1e-8, gamma 0.01, clipThreshold 1, every 10, weightDecay 0.0001.
 * Bytes of state per f32 parameter: 8. Needs the step's context, which a Trainer gives. Liu et al. 2023.
 * @param learningRate Default 0.001: no coordinate moves further in a step.
 * @throws ConfigError for values out of range, and from `update` without a context.
 * @example sophia(1e-3, { gamma: 0.05, weightDecay: 0.1 });
 */
export function sophia(learningRate: Hyper = 1e-3, options: SophiaOptions = {}): Optimizer {
  rejectUnknown("sophia", options, [...sophiaLinkOptions, ...decayOptions]);
  const { weightDecay = 1e-4, mask, ...direction } = options;
  return named("sophia", descend(scaleBySophia(direction), learningRate, { weightDecay, mask }, true));
}
