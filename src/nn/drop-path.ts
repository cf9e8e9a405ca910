/** DropPath: a residual branch is left out for whole samples (stochastic depth). */
import type { Tensor } from "../engine/tensor/index.ts";
import { formatShape, ShapeError } from "../util/index.ts";
import { type Context, context } from "./context.ts";
import { checkRate, dropped } from "./dropout.ts";
import { Module } from "./module.ts";
import type { Scheduled } from "./scheduled.ts";

/**
 * y = x * m / (1 - rate) with m ~ Bernoulli(1 - rate) for each sample of x [N, ...] in training, y = x otherwise. Put it at the end
 * of a residual branch; the usual rate of block i of n is rate * i / (n - 1).
 * Huang et al., "Deep networks with stochastic depth", 2016; the division is that of Larsson et al. (FractalNet) and later code.
 * @throws ConfigError unless 0 <= rate < 1, and in training when the context has no key, or no step for a rate that follows it; ShapeError for a number.
 * @example
 * class Residual extends Module {
 *   readonly inner = new Linear(64, 64);
 *   readonly drop = dropPath(0.1);
 *   forward(x: Tensor, ctx: Context): Tensor {
 *     return x.add(this.drop.forward(relu(this.inner.forward(x)), ctx));
 *   }
 * }
 */
export class DropPath extends Module {
  constructor(readonly rate: Scheduled) {
    super();
    checkRate("dropPath", rate);
  }

  forward(x: Tensor, ctx: Context = context()): Tensor {
    if (x.ndim < 1) {
      throw new ShapeError(`${this.label}: input must be [N,...]; got ${x.dtype}${formatShape(x.shape)}.`);
    }
    const samples = x.shape.map((size, axis) => (axis === 0 ? size : 1));
    return dropped(x, ctx, this, samples);
  }
}

/** A DropPath layer. */
export const dropPath = (rate: Scheduled): DropPath => new DropPath(rate);
