/** adafactor: adaptive steps with little memory. */

import { optionNames, rejectUnknown } from "../util/index.ts";
import { chain } from "./chain.ts";
import type { DecayOptions } from "./descend.ts";
import type { Hyper } from "./hyper.ts";
import { clipByBlockRms } from "./links/clip-by-norm.ts";
import { relativeStep } from "./links/relative-step.ts";
import { scaleByFactoredRms } from "./links/scale-by-factored-rms.ts";
import type { Optimizer } from "./optimizer.ts";
import { named } from "./traits.ts";

/** `weightDecay` is decoupled. */
export interface AdafactorOptions extends DecayOptions {
  /** The t-th gradient's share of the means of squares is t^beta2Decay. Default -0.8. */
  readonly beta2Decay?: Hyper;
  /** The least root of mean squares. Default 2^-23, the spacing of f32 at 1. */
  readonly epsilon?: Hyper;
  /** The least size a parameter counts with. Default 0.001. */
  readonly parameterEpsilon?: Hyper;
  /** The largest root of mean squares of a tensor's update: PyTorch's d. Default 1. */
  readonly clippingThreshold?: Hyper;
}

const adafactorOptions = optionNames<AdafactorOptions>({
  beta2Decay: true,
  epsilon: true,
  parameterEpsilon: true,
  clippingThreshold: true,
  weightDecay: true,
  mask: true,
});

/**
 * v = the mean of g^2 with shares t^beta2Decay, for matrices as the product of its rows' and columns' means;
 * u = g / sqrt(max(v, epsilon^2));  u <- u / max(1, rms(u) / clippingThreshold);
 * p <- p - min(learningRate, 1 / sqrt(t)) max(parameterEpsilon, rms(p)) u - learningRate weightDecay p.
 * For when AdamW's state does not fit. Defaults, PyTorch's: beta2Decay -0.8, epsilon 2^-23, parameterEpsilon 0.001,
 * clippingThreshold 1, no decay. Bytes of state: 4 per row and column of a matrix, 4 per f32 element of a vector.
 * Shazeer and Stern 2018.
 * @param learningRate Relative to the size of the parameters. Default 0.01.
 * @throws ConfigError for values out of range.
 * @example adafactor(0.01);
 */
export function adafactor(learningRate: Hyper = 0.01, options: AdafactorOptions = {}): Optimizer {
  rejectUnknown("adafactor", options, adafactorOptions);
  const { beta2Decay, epsilon, clippingThreshold = 1, ...step } = options;
  return named(
    "adafactor",
    chain(
      scaleByFactoredRms({ beta2Decay, epsilon }),
      clipByBlockRms(clippingThreshold),
      relativeStep(learningRate, step),
    ),
  );
}
