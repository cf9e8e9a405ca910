/** Convolution and pooling over images and sequences, channels last: [batch, ...spatial, channels]. */
import { ShapeError } from "../../util/index.ts";
import { formatAval, type PadPair } from "../ir/index.ts";
import { apply, asFloat, constant, expandTo } from "./apply.ts";
import { div, mul } from "./arithmetic.ts";
import { type ConvPadding, type Geometry, type PerAxis, perAxis, resolvePadding } from "./geometry.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

export interface ConvOptions {
  readonly stride?: PerAxis;
  readonly padding?: ConvPadding;
  /** Distance between neighbouring taps of the kernel. */
  readonly dilation?: PerAxis;
  /** Channels and outputs are cut into this many groups that do not see each other; channels: depthwise. */
  readonly groups?: number;
}

export interface PoolOptions {
  /** Default: the window, so that windows tile the image. */
  readonly stride?: PerAxis;
  readonly padding?: ConvPadding;
  readonly dilation?: PerAxis;
  /** A last window that hangs over the far edge counts too, if it begins within the image or the padding before it. Default false. */
  readonly ceilMode?: boolean;
}

export interface AvgPoolOptions extends PoolOptions {
  /**
   * Divide by the whole window also where it lies on padding (PyTorch's default), though not by what `ceilMode` adds; else by what lies
   * inside (default).
   */
  readonly countPadding?: boolean;
}

function requireImage(op: string, x: Tensor): void {
  if (x.ndim >= 3) return;
  throw new ShapeError(
    `${op}: x must be [batch, ...spatial, channels]; got ${formatAval(x.node.aval)}. Add axes with .unsqueeze(axis).`,
  );
}

/**
 * Convolution (cross-correlation) in 1, 2 or 3 dimensions by the rank of x: [batch, ...spatial, channels] with weights
 * [...kernel, channels / groups, outputs] gives [batch, ...out, outputs].
 * out[n, p, o] = sum over taps t and channels c of x[n, p * stride + t * dilation - before, c] * w[t, c, o].
 * @throws ShapeError when ranks or channels do not fit.
 * @example conv(images, w, { padding: "same", stride: 2 }) // [8,32,32,3], [3,3,3,16] -> [8,16,16,16]
 */
export function conv(x: TensorLike, w: TensorLike, options: ConvOptions = {}): Tensor {
  const [image, weights] = [asFloat("conv", x), asFloat("conv", w)];
  requireImage("conv", image);
  const rank = image.ndim - 2;
  if (weights.ndim !== image.ndim) {
    throw new ShapeError(
      `conv: weights must be [...kernel, channels / groups, outputs] with ${rank} kernel axes; got ${formatAval(weights.node.aval)} for x ${formatAval(image.node.aval)}.`,
    );
  }
  const stride = perAxis("conv", "stride", options.stride ?? 1, rank);
  const dilation = perAxis("conv", "dilation", options.dilation ?? 1, rank);
  const sizes = image.shape.slice(1, -1);
  const window = weights.shape.slice(0, -2);
  const padding = resolvePadding("conv", options.padding ?? "valid", { sizes, window, stride, dilation });
  return apply("conv", [image, weights], { stride, padding, dilation, groups: options.groups ?? 1 });
}

export interface ConvTransposeOptions extends ConvOptions {
  /** Added to the size of each spatial axis on its far side, below the stride: of the sizes whose convolution has x's size, which. */
  readonly outputPadding?: PerAxis;
}

/**
 * The transposed convolution, which is the gradient of `conv` by its input: [batch, ...spatial, inputs] with weights
 * [...kernel, outputs / groups, inputs] gives [batch, ...out, outputs], out = (size - 1) * stride + (kernel - 1) * dilation + 1 -
 * before - after + outputPadding. "same": out = size * stride.
 * @throws ShapeError when ranks or channels do not fit, or when nothing is left.
 * @example convTranspose(x, w, { stride: 2, padding: "same" }) // [8,16,16,32], [3,3,16,32] -> [8,32,32,16]
 */
export function convTranspose(x: TensorLike, w: TensorLike, options: ConvTransposeOptions = {}): Tensor {
  const op = "convTranspose";
  const [image, weights] = [asFloat(op, x), asFloat(op, w)];
  requireImage(op, image);
  const rank = image.ndim - 2;
  const described = `${formatAval(weights.node.aval)} for x ${formatAval(image.node.aval)}`;
  if (weights.ndim !== image.ndim || weights.shape.at(-1) !== image.shape.at(-1)) {
    throw new ShapeError(
      `${op}: weights must be [...kernel, outputs / groups, inputs] with ${rank} kernel axes; got ${described}.`,
    );
  }
  const stride = perAxis(op, "stride", options.stride ?? 1, rank);
  const dilation = perAxis(op, "dilation", options.dilation ?? 1, rank);
  const extra = perAxis(op, "outputPadding", options.outputPadding ?? 0, rank);
  if (extra.some((more, i) => more < 0 || more >= (options.padding === "same" ? 1 : (stride[i] as number)))) {
    throw new ShapeError(
      `${op}: outputPadding must be below the stride, and 0 for "same"; got [${extra}] and stride [${stride}].`,
    );
  }
  const window = weights.shape.slice(0, -2);
  const sizes = image.shape.slice(1, -1);
  // "same" is that of the convolution from an image of size * stride.
  const spread = sizes.map((size, i) => size * (stride[i] as number));
  const padding = resolvePadding(op, options.padding ?? "valid", { sizes: spread, window, stride, dilation });
  const out = sizes.map((size, i) => {
    const reach = ((window[i] as number) - 1) * (dilation[i] as number) + 1;
    const whole = (size - 1) * (stride[i] as number) + reach + (extra[i] as number);
    // Where the kernel is shorter than the stride, "same" has places that no tap reaches.
    return options.padding === "same"
      ? (spread[i] as number)
      : whole - (padding[i] as PadPair)[0] - (padding[i] as PadPair)[1];
  });
  if (out.some((size) => size < 1)) {
    throw new ShapeError(
      `${op}: every axis must have an element left; got sizes [${out}] from ${described}.`,
    );
  }
  const groups = options.groups ?? 1;
  const channels = (weights.shape.at(-2) as number) * groups;
  const attrs = { stride, padding, dilation, groups };
  return apply("convInputGrad", [image, weights], attrs, [image.shape[0] as number, ...out, channels]);
}

/** Attributes of the window primitives, which cover batch and channels too; the padding with what `ceilMode` adds, and without. */
function windowAttrs(op: string, x: Tensor, window: PerAxis, options: PoolOptions) {
  requireImage(op, x);
  const rank = x.ndim - 2;
  const own = perAxis(op, "window", window, rank);
  const stride = perAxis(op, "stride", options.stride ?? own, rank);
  const dilation = perAxis(op, "dilation", options.dilation ?? 1, rank);
  const sizes = x.shape.slice(1, -1);
  const geometry = { sizes, window: own, stride, dilation };
  const pairs = resolvePadding(op, options.padding ?? "valid", geometry);
  const none: PadPair = [0, 0];
  const widened = options.ceilMode ? ceilPadding(pairs, geometry) : pairs;
  const attrs = {
    window: [1, ...own, 1],
    stride: [1, ...stride, 1],
    dilation: [1, ...dilation, 1],
    padding: [none, ...widened, none],
  };
  return { attrs, given: [none, ...pairs, none] };
}

/** Padding with which the last window is whole, where it begins before the padding after the image. */
function ceilPadding(pairs: readonly PadPair[], { sizes, window, stride, dilation }: Geometry): PadPair[] {
  return pairs.map(([before, after], axis) => {
    const [size, step] = [sizes[axis] as number, stride[axis] as number];
    const reach = ((window[axis] as number) - 1) * (dilation[axis] as number) + 1;
    const last = Math.ceil((size + before + after - reach) / step) * step;
    const from = last >= size + before ? last - step : last;
    return [before, Math.max(after, from + reach - size - before)];
  });
}

/**
 * The largest of each window; padding never wins. The gradient goes to the first largest of a window.
 * @example maxPool(x, 2) // [8,32,32,16] -> [8,16,16,16]
 */
export function maxPool(x: TensorLike, window: PerAxis, options: PoolOptions = {}): Tensor {
  const image = asFloat("maxPool", x);
  const { attrs } = windowAttrs("maxPool", image, window, options);
  return apply("reduceWindow", [image], { kind: "max", ...attrs });
}

/** The mean of each window. @example avgPool(x, 2) // [8,32,32,16] -> [8,16,16,16] */
export function avgPool(x: TensorLike, window: PerAxis, options: AvgPoolOptions = {}): Tensor {
  const image = asFloat("avgPool", x);
  const { attrs, given } = windowAttrs("avgPool", image, window, options);
  const total = apply("reduceWindow", [image], { kind: "sum", ...attrs });
  const whole = attrs.window.reduce((count, size) => count * size, 1);
  // What counts: the image, or the image with its padding; and what windows reach beyond that.
  const counted = given.map((pair): PadPair => (options.countPadding ? pair : [0, 0]));
  const beyond = attrs.padding.map(([before, after], axis): PadPair => {
    const [first, last] = counted[axis] as PadPair;
    return [before - first, after - last];
  });
  if (beyond.every(([before, after]) => before === 0 && after === 0)) return mul(total, 1 / whole);
  const ones = constant(
    1,
    "f32",
    image.shape.map((size, axis) => {
      const [first, last] = counted[axis] as PadPair;
      return axis === 0 || axis === image.ndim - 1 ? 1 : size + first + last;
    }),
  );
  const counts = apply("reduceWindow", [ones], { kind: "sum", ...attrs, padding: beyond });
  return div(total, expandTo(counts, total.shape));
}
