/** LayerNorm: each row to mean 0 and variance 1, then scaled and shifted. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError } from "../../util/index.ts";
import type { Context } from "../context.ts";
import { ones, zeros } from "../initializers.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";

export interface LayerNormOptions {
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
  /** Default true. */
  readonly bias?: boolean;
}

/**
 * y = (x - mean) / sqrt(variance + epsilon) * weight + bias over the last axis, for x: [..., size], weight and bias: [size]; the variance
 * is that of the row itself, divided by `size`. Ba, Kiros and Hinton, "Layer normalization", 2016.
 * @throws ConfigError unless `size` is a positive integer; ShapeError in `forward` when x's last axis is not `size`.
 * @example new Sequential(new Linear(784, 128), new LayerNorm(128), relu);
 */
export class LayerNorm extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  readonly epsilon: number;

  constructor(
    readonly size: number,
    options: LayerNormOptions = {},
  ) {
    super();
    if (!Number.isInteger(size) || size < 1) {
      throw new ConfigError(`LayerNorm: size must be a positive integer; got ${size}.`);
    }
    this.epsilon = options.epsilon ?? 1e-5;
    this.weight = new Parameter([size], ones);
    this.bias = options.bias === false ? null : new Parameter([size], zeros);
  }

  forward(x: Tensor, _ctx?: Context): Tensor {
    if (x.shape.at(-1) !== this.size) {
      throw new ShapeError(
        `${this.label}: input's last axis must be ${this.size}; got ${x.dtype}${formatShape(x.shape)}.`,
      );
    }
    const centred = x.sub(x.mean(-1, { keepDims: true }));
    const variance = centred.square().mean(-1, { keepDims: true });
    const scaled = centred.mul(variance.add(this.epsilon).rsqrt()).mul(this.weight.value);
    return this.bias === null ? scaled : scaled.add(this.bias.value);
  }
}
