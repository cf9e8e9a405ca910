/** Pooling to a given size, whatever the input's. */
import {
  arange,
  avgPool,
  floorDivide,
  maxPool,
  minimum,
  type Tensor,
  take,
} from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError } from "../../util/index.ts";
import type { Context } from "../context.ts";
import { Module } from "../module.ts";

/** Places of the output: one number for all spatial axes, or one each; null keeps an axis as it is. */
export type AdaptiveSize = number | readonly (number | null)[];

/** What both share. */
abstract class AdaptivePool extends Module {
  constructor(readonly size: AdaptiveSize) {
    super();
    const list = typeof size === "number" ? [size] : size;
    if (list.length >= 1 && list.every((out) => out === null || (Number.isInteger(out) && out >= 1))) return;
    throw new ConfigError(
      `${new.target.name}: size must be a positive integer, or one (or null) per spatial axis; got ${JSON.stringify(size)}.`,
    );
  }

  /** The output's size along each spatial axis. */
  protected sizes(x: Tensor): number[] {
    const { size } = this;
    const spatial = x.shape.slice(1, -1);
    const rank = typeof size === "number" ? Math.max(1, spatial.length) : size.length;
    if (spatial.length !== rank || spatial.includes(0)) {
      throw new ShapeError(
        `${this.label}: input must be [batch, ...spatial, channels] with ${rank} spatial axes and places in them; got ${x.dtype}${formatShape(x.shape)}.`,
      );
    }
    return typeof size === "number"
      ? spatial.map(() => size)
      : size.map((out, axis) => out ?? (spatial[axis] as number));
  }

  forward(x: Tensor, _ctx?: Context): Tensor {
    const out = this.sizes(x);
    const spatial = x.shape.slice(1, -1);
    if (spatial.every((size, axis) => size % (out[axis] as number) === 0)) {
      return this.pool(
        x,
        spatial.map((size, axis) => size / (out[axis] as number)),
      );
    }
    // The last axis first: of equal maxima the first in row-major order wins.
    return out.reduceRight(
      (y, count, axis) => (spatial[axis] === count ? y : this.along(y, axis + 1, count)),
      x,
    );
  }

  /** Windows that tile the image. */
  protected abstract pool(x: Tensor, window: readonly number[]): Tensor;
  /** One axis made `out` places long by windows that are not all of one size, and may overlap. */
  protected abstract along(x: Tensor, axis: number, out: number): Tensor;
}

/** Window i of an axis reaches from floor(i size / out) to, but not including, ceil((i + 1) size / out): i32 [out]. */
function bounds(size: number, out: number): { start: Tensor; end: Tensor } {
  const i = arange(out);
  const upTo = (numerator: Tensor): Tensor => floorDivide(numerator, out);
  return {
    start: upTo(i.mul(size)),
    end: upTo(
      i
        .add(1)
        .mul(size)
        .add(out - 1),
    ),
  };
}

/**
 * The mean over windows that make each spatial axis as long as asked: place i sees floor(i size / out) to ceil((i + 1) size / out).
 * [batch, ...spatial, channels] -> [batch, ...out, channels]. No parameters.
 * @throws ConfigError for sizes that are not positive integers; ShapeError in `forward` for another number of spatial axes.
 * @example new AdaptiveAvgPool(7); // [8,10,13,64] -> [8,7,7,64]
 * @example new AdaptiveAvgPool([1, null]); // [8,10,13,64] -> [8,1,13,64]
 */
export class AdaptiveAvgPool extends AdaptivePool {
  protected pool(x: Tensor, window: readonly number[]): Tensor {
    return avgPool(x, window);
  }

  /** A product with [size, out] weights, as the windows differ in size. */
  protected along(x: Tensor, axis: number, out: number): Tensor {
    const size = x.shape[axis] as number;
    const { start, end } = bounds(size, out);
    const at = arange(size).unsqueeze(1);
    const weights = at.ge(start).logicalAnd(at.lt(end)).astype("f32").div(end.sub(start));
    return x.moveAxis(axis, -1).matmul(weights).moveAxis(-1, axis);
  }
}

/** The largest of each window; the gradient goes to a window's first largest. Otherwise as `AdaptiveAvgPool`. */
export class AdaptiveMaxPool extends AdaptivePool {
  protected pool(x: Tensor, window: readonly number[]): Tensor {
    return maxPool(x, window);
  }

  /** Every window written out to the length of the longest, repeating its last element, which changes no maximum. */
  protected along(x: Tensor, axis: number, out: number): Tensor {
    const size = x.shape[axis] as number;
    const { start, end } = bounds(size, out);
    const longest = longestWindow(size, out);
    const places = minimum(start.unsqueeze(1).add(arange(longest)), end.unsqueeze(1).sub(1));
    const window = x.shape.slice(1, -1).map((_, other) => (other + 1 === axis ? longest : 1));
    return maxPool(take(x, places.flatten(), axis), window);
  }
}

function longestWindow(size: number, out: number): number {
  const lengths = Array.from(
    { length: out },
    (_, i) => Math.ceil(((i + 1) * size) / out) - Math.floor((i * size) / out),
  );
  return Math.max(...lengths);
}
