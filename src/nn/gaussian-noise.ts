/** GaussianNoise: noise is added to what passes while training. */
import { random, type Tensor } from "../engine/tensor/index.ts";
import { ConfigError } from "../util/index.ts";
import { type Context, context } from "./context.ts";
import { Module } from "./module.ts";

/**
 * y = x + N(0, deviation^2) per element in training, y = x otherwise. On inputs it is, to first order, a penalty on the gradient.
 * Bishop, "Training with noise is equivalent to Tikhonov regularization", 1995.
 * @throws ConfigError unless deviation >= 0, and in training when the context has no key.
 * @example new Sequential(gaussianNoise(0.1), new Linear(784, 128), relu, new Linear(128, 10));
 */
export class GaussianNoise extends Module {
  constructor(readonly deviation: number) {
    super();
    if (!(deviation >= 0 && deviation < Number.POSITIVE_INFINITY)) {
      throw new ConfigError(`gaussianNoise: deviation must be at least 0 and finite; got ${deviation}.`);
    }
  }

  forward(x: Tensor, ctx: Context = context()): Tensor {
    if (!ctx.train || this.deviation === 0) return x;
    return x.add(random.normal(ctx.key(this), x.shape).mul(this.deviation));
  }
}

/** A GaussianNoise layer. */
export const gaussianNoise = (deviation: number): GaussianNoise => new GaussianNoise(deviation);
