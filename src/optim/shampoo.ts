/** shampoo: momentum on gradients preconditioned along each axis. */
import { optionNames, rejectUnknown } from "../util/index.ts";
import { chain } from "./chain.ts";
import type { Hyper } from "./hyper.ts";
import { addDecayedWeights } from "./links/add-decayed-weights.ts";
import { scaleByLearningRate } from "./links/scale-by-learning-rate.ts";
import { type ScaleByShampooOptions, scaleByShampoo, shampooLinkOptions } from "./links/scale-by-shampoo.ts";
import { traceMomentum } from "./links/trace-momentum.ts";
import type { Which } from "./links/which.ts";
import type { Optimizer } from "./optimizer.ts";
import { named } from "./traits.ts";

export interface ShampooOptions extends ScaleByShampooOptions {
  /** Default 0.9. */
  readonly momentum?: Hyper;
  /** Default true. */
  readonly nesterov?: boolean;
  /** Added to the update before momentum, as in Google's code. Default 0. */
  readonly weightDecay?: Hyper;
  /** Which parameters decay. Default all. */
  readonly mask?: Which;
}

const ownOptions = optionNames<Omit<ShampooOptions, keyof ScaleByShampooOptions>>({
  momentum: true,
  nesterov: true,
  weightDecay: true,
  mask: true,
});

/**
 * b <- momentum b + (u + weightDecay p);  p <- p - learningRate (u + weightDecay p + momentum b), or learningRate b without `nesterov`,
 * with u the direction of `scaleByShampoo`. Google's code keeps one momentum for Shampoo's updates and one for those before `start`;
 * here it is one. For large batches, and where steps are few and dear.
 * Bytes of state: 8 per f32 parameter (4 with grafting "sgd"), and for each block of up to blockSize along an axis 8 n^2 for every axis of n.
 * Gupta, Koren and Singer 2018; Anil et al., "Scalable second-order optimization for deep learning", 2020.
 * @param learningRate Default 0.001, for lengths grafted from RMSprop and a momentum of 0.9; that of the grafted method suits.
 * @throws ConfigError for values out of range and for an unknown grafting.
 * @example shampoo(1e-3, { blockSize: 256, every: 20 });
 */
export function shampoo(learningRate: Hyper = 1e-3, options: ShampooOptions = {}): Optimizer {
  rejectUnknown("shampoo", options, [...shampooLinkOptions, ...ownOptions]);
  const { momentum = 0.9, nesterov = true, weightDecay = 0, mask, ...direction } = options;
  const decay = weightDecay === 0 ? [] : [addDecayedWeights(weightDecay, { mask })];
  const moved = traceMomentum(momentum, { nesterov });
  return named(
    "shampoo",
    chain(scaleByShampoo(direction), ...decay, moved, scaleByLearningRate(learningRate)),
  );
}
