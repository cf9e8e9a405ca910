/** MaxPool and AvgPool over one, two or three spatial axes. */
import {
  avgPool,
  type ConvPadding,
  maxPool,
  type PerAxis,
  resolvePadding,
  type Tensor,
} from "../../engine/tensor/index.ts";
import { ConfigError, formatShape } from "../../util/index.ts";
import type { Context } from "../context.ts";
import { checkPadding } from "../conv/sizes.ts";
import { needImage, needWindows, type Pair, perSpatial } from "../images.ts";
import { Module } from "../module.ts";

export interface PoolLayerOptions {
  /** Distance between neighbouring windows. Default: the window, so that they tile the image. */
  readonly stride?: PerAxis;
  /** "valid" (default): none. "same": the output has ceil(size / stride) places. A number, or `[before, after]` per spatial axis. */
  readonly padding?: ConvPadding;
  /** Distance between neighbouring elements of a window. Default 1. */
  readonly dilation?: PerAxis;
  /**
   * Sizes are rounded up: a last window that hangs over the far edge counts too, if it begins within the image or the padding before it.
   * Default false.
   */
  readonly ceilMode?: boolean;
}

export interface AvgPoolLayerOptions extends PoolLayerOptions {
  /**
   * Whether padding counts as zeros in the mean, though not what `ceilMode` adds. Default true, as in PyTorch; for "same" false, as in
   * Keras.
   */
  readonly countIncludePad?: boolean;
}

/** What the pooling layers share: no parameters, channels by themselves. */
abstract class Pool extends Module {
  readonly window: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: ConvPadding;
  readonly ceilMode: boolean;

  constructor(
    readonly rank: 1 | 2 | 3,
    window: PerAxis,
    options: PoolLayerOptions,
  ) {
    super();
    const op = new.target.name;
    this.window = perSpatial(op, "window", window, rank, 1);
    this.stride = perSpatial(op, "stride", options.stride ?? this.window, rank, 1);
    this.dilation = perSpatial(op, "dilation", options.dilation ?? 1, rank, 1);
    this.padding = checkPadding(op, options.padding ?? "valid", rank);
    this.ceilMode = options.ceilMode ?? false;
    if (typeof this.padding !== "string") this.#needInside(op);
  }

  /** A window of nothing but padding would have no largest element and no mean. */
  #needInside(op: string): void {
    const pairs = this.#pairs(op, this.window);
    const reach = this.window.map((size, axis) => (size - 1) * (this.dilation[axis] as number) + 1);
    if (pairs.every((pair, axis) => Math.max(...pair) < (reach[axis] as number))) return;
    throw new ConfigError(
      `${op}: padding must be below the window; got ${JSON.stringify(this.padding)} and window ${formatShape(this.window)}.`,
    );
  }

  #pairs(op: string, sizes: readonly number[]): Pair[] {
    const { window, stride, dilation } = this;
    return resolvePadding(op, this.padding, { sizes, window, stride, dilation });
  }

  /** What the engine's functions take, after the checks. */
  protected options(x: Tensor): {
    stride: PerAxis;
    dilation: PerAxis;
    padding: readonly Pair[];
    ceilMode: boolean;
  } {
    const { label, window, stride, dilation, ceilMode } = this;
    needImage(label, x, this.rank, null);
    const sizes = x.shape.slice(1, -1);
    const padding = this.#pairs(label, sizes);
    needWindows(label, "window", x, padding, { sizes, window, stride, dilation });
    return { stride, dilation, padding, ceilMode };
  }
}

abstract class MaxPool extends Pool {
  forward(x: Tensor, _ctx?: Context): Tensor {
    return maxPool(x, this.window, this.options(x));
  }
}

abstract class AvgPool extends Pool {
  readonly countIncludePad: boolean;

  constructor(rank: 1 | 2 | 3, window: PerAxis, options: AvgPoolLayerOptions) {
    super(rank, window, options);
    this.countIncludePad = options.countIncludePad ?? options.padding !== "same";
  }

  forward(x: Tensor, _ctx?: Context): Tensor {
    return avgPool(x, this.window, { ...this.options(x), countPadding: this.countIncludePad });
  }
}

/** `MaxPool2d` along one axis. @example new MaxPool1d(2); // [8,100,64] -> [8,50,64] */
export class MaxPool1d extends MaxPool {
  constructor(window: PerAxis, options: PoolLayerOptions = {}) {
    super(1, window, options);
  }
}

/**
 * The largest element of each window: [batch, height, width, channels] -> [batch, ...out, channels], per axis out = floor((size +
 * before + after - dilation (window - 1) - 1) / stride) + 1, rounded up with `ceilMode`. Padding never wins; the gradient goes to a window's first largest.
 * No parameters.
 * @throws ConfigError for sizes that are not positive integers and padding as wide as the window; ShapeError in `forward` for another
 * rank, or when the window does not fit.
 * @example new MaxPool2d(3, { stride: 2, padding: 1 }); // [8,112,112,64] -> [8,56,56,64]
 */
export class MaxPool2d extends MaxPool {
  constructor(window: PerAxis, options: PoolLayerOptions = {}) {
    super(2, window, options);
  }
}

/** `MaxPool2d` over three axes. @example new MaxPool3d(2); // [2,16,32,32,8] -> [2,8,16,16,8] */
export class MaxPool3d extends MaxPool {
  constructor(window: PerAxis, options: PoolLayerOptions = {}) {
    super(3, window, options);
  }
}

/** `AvgPool2d` along one axis. @example new AvgPool1d(2); // [8,100,64] -> [8,50,64] */
export class AvgPool1d extends AvgPool {
  constructor(window: PerAxis, options: AvgPoolLayerOptions = {}) {
    super(1, window, options);
  }
}

/**
 * The mean of each window: [batch, height, width, channels] -> [batch, ...out, channels], sizes as `MaxPool2d`. No parameters.
 * @throws ConfigError and ShapeError as `MaxPool2d`.
 * @example new AvgPool2d(2); // [8,28,28,6] -> [8,14,14,6]
 */
export class AvgPool2d extends AvgPool {
  constructor(window: PerAxis, options: AvgPoolLayerOptions = {}) {
    super(2, window, options);
  }
}

/** `AvgPool2d` over three axes. @example new AvgPool3d(2); // [2,16,32,32,8] -> [2,8,16,16,8] */
export class AvgPool3d extends AvgPool {
  constructor(window: PerAxis, options: AvgPoolLayerOptions = {}) {
    super(3, window, options);
  }
}
