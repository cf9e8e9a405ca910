/** shampoo: momentum on gradients preconditioned along each axis. */
import { chain } from "./chain.ts";
import type { Hyper } from "./hyper.ts";
import { addDecayedWeights, type Mask } from "./links/add-decayed-weights.ts";
import { scaleByLearningRate } from "./links/scale-by-learning-rate.ts";
import { type ScaleByShampooOptions, scaleByShampoo } from "./links/scale-by-shampoo.ts";
import { traceMomentum } from "./links/trace-momentum.ts";
import type { Optimizer } from "./optimizer.ts";

export interface ShampooOptions extends ScaleByShampooOptions {
  /** Default 0.9. */
  readonly momentum?: Hyper;
  /** Default true. */
  readonly nesterov?: boolean;
  /** Added to the update before momentum, as in Google's code. Default 0. */
  readonly weightDecay?: Hyper;
  /** Which parameters decay. Default all. */
  readonly mask?: Mask;
}

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
  const { momentum = 0.9, nesterov = true, weightDecay = 0, mask } = options;
  const decay = weightDecay === 0 ? [] : [addDecayedWeights(weightDecay, { mask })];
  const moved = traceMomentum(momentum, { nesterov });
  return chain(scaleByShampoo(options), ...decay, moved, scaleByLearningRate(learningRate));
}
