/** Pooling over all places of an image or a sequence at once. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { formatShape, ShapeError } from "../../util/index.ts";
import type { Context } from "../context.ts";
import { Module } from "../module.ts";

export interface GlobalPoolOptions {
  /** Keep the spatial axes with size 1. Default false. */
  readonly keepDims?: boolean;
}

/** What both share. */
abstract class GlobalPool extends Module {
  readonly keepDims: boolean;

  constructor(options: GlobalPoolOptions = {}) {
    super();
    this.keepDims = options.keepDims ?? false;
  }

  protected axes(x: Tensor): number[] {
    const spatial = x.shape.slice(1, -1);
    if (spatial.length === 0 || spatial.includes(0)) {
      throw new ShapeError(
        `${this.label}: input must be [batch, ...spatial, channels] with places in it; got ${x.dtype}${formatShape(x.shape)}.`,
      );
    }
    return spatial.map((_, axis) => axis + 1);
  }
}

/**
 * The mean over all spatial axes, however many: [batch, ...spatial, channels] -> [batch, channels]. No parameters.
 * Lin et al., "Network in network", 2013.
 * @throws ShapeError in `forward` for an input without spatial axes.
 * @example new Sequential(features, new GlobalAvgPool(), new Linear(64, 10)); // [8,8,8,64] -> [8,64]
 */
export class GlobalAvgPool extends GlobalPool {
  forward(x: Tensor, _ctx?: Context): Tensor {
    return x.mean(this.axes(x), { keepDims: this.keepDims });
  }
}

/** The largest over all spatial axes; equal ones share the gradient. Otherwise as `GlobalAvgPool`. */
export class GlobalMaxPool extends GlobalPool {
  forward(x: Tensor, _ctx?: Context): Tensor {
    return x.max(this.axes(x), { keepDims: this.keepDims });
  }
}
