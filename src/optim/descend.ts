/** descend: makes a whole optimizer of a direction. */

import { optionNames } from "../util/index.ts";
import { chain } from "./chain.ts";
import type { Hyper } from "./hyper.ts";
import { addDecayedWeights } from "./links/add-decayed-weights.ts";
import { scaleByLearningRate } from "./links/scale-by-learning-rate.ts";
import type { Which } from "./links/which.ts";
import type { Optimizer } from "./optimizer.ts";

export interface DecayOptions {
  /** Default 0: none, unless the optimizer says otherwise. */
  readonly weightDecay?: Hyper;
  /** Which parameters decay. Default all; biases and norms are often left out. */
  readonly mask?: Which;
}

export const decayOptions = optionNames<DecayOptions>({ weightDecay: true, mask: true });

/** `direction` with weight decay before it (L2) or after it (decoupled), then the learning rate. */
export function descend(
  direction: Optimizer,
  learningRate: Hyper,
  { weightDecay = 0, mask }: DecayOptions,
  decoupled = false,
): Optimizer {
  const decay = weightDecay === 0 ? [] : [addDecayedWeights(weightDecay, { mask })];
  const links = decoupled ? [direction, ...decay] : [...decay, direction];
  return chain(...links, scaleByLearningRate(learningRate));
}
