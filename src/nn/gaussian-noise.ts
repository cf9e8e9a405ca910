/** GaussianNoise: noise is added to what passes while training. */
import { random, type Tensor } from "../engine/tensor/index.ts";
import { type Context, context } from "./context.ts";
import { Module } from "./module.ts";
import { checkScheduled, type Scheduled, scheduledValue } from "./scheduled.ts";

/**
 * y = x + N(0, deviation^2) per element in training, y = x otherwise. On inputs it is, to first order, a penalty on the gradient.
 * Bishop, "Training with noise is equivalent to Tikhonov regularization", 1995.
 * @throws ConfigError unless deviation >= 0, and in training when the context has no key, or no step for a deviation that follows it.
 * @example new Sequential(gaussianNoise(0.1), new Linear(784, 128), relu, new Linear(128, 10));
 */
export class GaussianNoise extends Module {
  constructor(readonly deviation: Scheduled) {
    super();
    const holds = (value: number) => value >= 0 && value < Number.POSITIVE_INFINITY;
    checkScheduled("gaussianNoise", "deviation", deviation, "at least 0 and finite", holds);
  }

  forward(x: Tensor, ctx: Context = context()): Tensor {
    if (!ctx.train || this.deviation === 0) return x;
    const deviation = scheduledValue(this.label, "deviation", this.deviation, ctx);
    return x.add(random.normal(ctx.key(this), x.shape).mul(deviation));
  }
}

/** A GaussianNoise layer. */
export const gaussianNoise = (deviation: Scheduled): GaussianNoise => new GaussianNoise(deviation);
