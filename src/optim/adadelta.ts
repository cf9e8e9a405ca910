/** adadelta: no learning rate to tune. */

import { rejectUnknown } from "../util/index.ts";
import { type DecayOptions, decayOptions, descend } from "./descend.ts";
import type { Hyper } from "./hyper.ts";
import { adadeltaOptions, type ScaleByAdadeltaOptions, scaleByAdadelta } from "./links/scale-by-adadelta.ts";
import type { Optimizer } from "./optimizer.ts";
import { named } from "./traits.ts";

/** `weightDecay` is L2: it is added to the gradient. */
export interface AdadeltaOptions extends ScaleByAdadeltaOptions, DecayOptions {}

/**
 * v <- rho v + (1 - rho) g^2;  u = g sqrt(d + epsilon) / sqrt(v + epsilon);  d <- rho d + (1 - rho) u^2;  p <- p - learningRate u.
 * For when there is no learning rate to start from: steps grow by themselves, slowly. Defaults, PyTorch's: rho 0.9, epsilon 1e-6.
 * Bytes of state per f32 parameter: 8. Zeiler 2012.
 * @param learningRate Default 1: the paper has none.
 * @throws ConfigError for values out of range.
 * @example adadelta();
 */
export function adadelta(learningRate: Hyper = 1, options: AdadeltaOptions = {}): Optimizer {
  rejectUnknown("adadelta", options, [...adadeltaOptions, ...decayOptions]);
  const { weightDecay, mask, ...direction } = options;
  return named("adadelta", descend(scaleByAdadelta(direction), learningRate, { weightDecay, mask }));
}
