/** LayerNorm and RmsNorm: each row normalised by itself. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, type Shape, ShapeError, sameShape } from "../../util/index.ts";
import type { Context } from "../context.ts";
import { positive } from "../images.ts";
import { ones, zeros } from "../initializers.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";
import { affineAs, normalise } from "./normalise.ts";

export interface LayerNormOptions {
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
  /** Learn a weight for each element. Default true. */
  readonly affine?: boolean;
  /** Learn a bias too, where `affine` is. Default true. */
  readonly bias?: boolean;
}

/** One size, or those of several last axes. */
function rowShape(op: string, shape: number | Shape): Shape {
  const list = typeof shape === "number" ? [shape] : [...shape];
  for (const size of list) positive(op, "size", size);
  if (list.length > 0) return list;
  throw new ConfigError(`${op}: size must name at least one axis; got none.`);
}

function needRows(label: string, x: Tensor, shape: Shape): void {
  if (x.ndim >= shape.length && sameShape(x.shape.slice(x.ndim - shape.length), shape)) return;
  throw new ShapeError(
    `${label}: input must be [..., ${shape.join(", ")}]; got ${x.dtype}${formatShape(x.shape)}.`,
  );
}

/**
 * y = (x - mean) / sqrt(variance + epsilon) * weight + bias, mean and variance over the last axis, or the last ones:
 * x: [..., size]. weight and bias are of `size`: as many parameters as 2 rows have elements.
 * Ba et al., "Layer normalization", 2016.
 * @throws ConfigError for sizes that are not positive integers; ShapeError in `forward` when x's last axes are not `size`.
 * @example new LayerNorm(512); // [8,100,512]
 * @example new LayerNorm([28, 28, 16]); // each image as a whole
 */
export class LayerNorm extends Module {
  readonly shape: Shape;
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly epsilon: number;

  constructor(size: number | Shape, options: LayerNormOptions = {}) {
    super();
    const { epsilon = 1e-5, affine = true, bias = true } = options;
    this.shape = rowShape("LayerNorm", size);
    if (!(epsilon >= 0)) throw new ConfigError(`LayerNorm: epsilon must be at least 0; got ${epsilon}.`);
    this.epsilon = epsilon;
    this.weight = affine ? new Parameter(this.shape, ones) : null;
    this.bias = affine && bias ? new Parameter(this.shape, zeros) : null;
  }

  forward(x: Tensor, _ctx?: Context): Tensor {
    needRows(this.label, x, this.shape);
    const lead = x.shape.slice(0, x.ndim - this.shape.length);
    const axes = this.shape.map((_, axis) => lead.length + axis);
    const affine = affineAs(this, [...lead.map(() => 1), ...this.shape]);
    return normalise(x, affine, axes, this.epsilon);
  }
}

export interface RmsNormOptions {
  /** Added to the mean square. Default 1e-6. */
  readonly epsilon?: number;
  /** Learn a weight for each element. Default true. */
  readonly affine?: boolean;
}

/**
 * y = x / sqrt(mean(x^2) + epsilon) * weight over the last axis, or the last ones: x: [..., size], weight: of `size`, as many
 * parameters as a row has elements. Zhang and Sennrich, "Root mean square layer normalization", 2019.
 * @throws ConfigError for sizes that are not positive integers; ShapeError in `forward` when x's last axes are not `size`.
 * @example new RmsNorm(512); // [8,100,512]
 */
export class RmsNorm extends Module {
  readonly shape: Shape;
  readonly weight: Parameter | null;
  readonly epsilon: number;

  constructor(size: number | Shape, options: RmsNormOptions = {}) {
    super();
    const { epsilon = 1e-6, affine = true } = options;
    this.shape = rowShape("RmsNorm", size);
    if (!(epsilon >= 0)) throw new ConfigError(`RmsNorm: epsilon must be at least 0; got ${epsilon}.`);
    this.epsilon = epsilon;
    this.weight = affine ? new Parameter(this.shape, ones) : null;
  }

  forward(x: Tensor, _ctx?: Context): Tensor {
    needRows(this.label, x, this.shape);
    const axes = this.shape.map((_, axis) => axis - this.shape.length);
    const y = x.mul(x.square().mean(axes, { keepDims: true }).add(this.epsilon).rsqrt());
    return this.weight ? y.mul(this.weight.value) : y;
  }
}
