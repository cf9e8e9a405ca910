/** Dropout: while training, elements are zeroed at random and the rest scaled up. */
import { random, type Tensor, where } from "../engine/tensor/index.ts";
import { ConfigError } from "../util/index.ts";
import { type Context, context } from "./context.ts";
import { Module } from "./module.ts";

/**
 * y = x * m / (1 - rate) with m ~ Bernoulli(1 - rate) per element in training, y = x otherwise ("inverted": the mean is kept).
 * Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.
 * @throws ConfigError unless 0 <= rate < 1, and in training when the context has no key.
 */
export class Dropout extends Module {
  constructor(readonly rate: number) {
    super();
    checkRate("dropout", rate);
  }

  forward(x: Tensor, ctx: Context = context()): Tensor {
    if (!ctx.train || this.rate === 0) return x;
    const keep = 1 - this.rate;
    const kept = random.bernoulli(ctx.key(this), x.shape, keep);
    return where(kept, x.mul(1 / keep), 0);
  }
}

/** A Dropout layer. @example new Sequential(new Linear(784, 128), relu, dropout(0.2), new Linear(128, 10)); */
export const dropout = (rate: number): Dropout => new Dropout(rate);

/** Throws ConfigError unless 0 <= rate < 1. */
export function checkRate(op: string, rate: number): void {
  if (rate >= 0 && rate < 1) return;
  throw new ConfigError(`${op}: rate must be at least 0 and below 1; got ${rate}.`);
}
