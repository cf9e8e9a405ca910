/** SpatialDropout: whole channels are zeroed at random, since neighbours in an image say the same. */
import type { Tensor } from "../engine/tensor/index.ts";
import { formatShape, ShapeError } from "../util/index.ts";
import { type Context, context } from "./context.ts";
import { checkRate, dropped } from "./dropout.ts";
import { Module } from "./module.ts";
import type { Scheduled } from "./scheduled.ts";

/**
 * y = x * m / (1 - rate) with m ~ Bernoulli(1 - rate) for each sample and channel of x [N, ...places, C] in training, y = x otherwise.
 * Tompson et al., "Efficient object localization using convolutional networks", 2015.
 * @throws ConfigError unless 0 <= rate < 1, and in training when the context has no key, or no step for a rate that follows it; ShapeError for fewer than two axes.
 * @example new Sequential(new Linear(3, 16), spatialDropout(0.1)); // on [N, height, width, 3]
 */
export class SpatialDropout extends Module {
  constructor(readonly rate: Scheduled) {
    super();
    checkRate("spatialDropout", rate);
  }

  forward(x: Tensor, ctx: Context = context()): Tensor {
    if (x.ndim < 2) {
      throw new ShapeError(
        `${this.label}: input must be [N,...,channels]; got ${x.dtype}${formatShape(x.shape)}.`,
      );
    }
    const channels = x.shape.map((size, axis) => (axis === 0 || axis === x.ndim - 1 ? size : 1));
    return dropped(x, ctx, this, channels);
  }
}

/** A SpatialDropout layer. */
export const spatialDropout = (rate: Scheduled): SpatialDropout => new SpatialDropout(rate);
