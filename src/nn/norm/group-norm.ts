/** GroupNorm and InstanceNorm: each image normalised by itself, over groups of its channels or each channel. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError } from "../../util/index.ts";
import type { Context } from "../context.ts";
import { positive } from "../images.ts";
import { ones, zeros } from "../initializers.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";
import { affineAs, normalise } from "./normalise.ts";

export interface GroupNormOptions {
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
  /** Learn a weight and a bias for each channel. Default true; InstanceNorm: false, as in PyTorch. */
  readonly affine?: boolean;
}

/**
 * y = (x - mean) / sqrt(variance + epsilon) * weight + bias with the statistics of each image and each of `groups` groups of its
 * channels: x: [batch, ..., channels], mean and variance over ... and the channels / groups of a group. Training and inference are
 * the same, whatever the batch. 2 channels parameters (none without `affine`).
 * Wu and He, "Group normalization", 2018.
 * @throws ConfigError unless sizes are positive integers and groups divide the channels; ShapeError in `forward` for other channels.
 * @example new GroupNorm(8, 64); // [4,32,32,64]: 8 groups of 8 channels
 */
export class GroupNorm extends Module {
  /** [channels] */
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly epsilon: number;

  constructor(
    readonly groups: number,
    readonly channels: number,
    options: GroupNormOptions = {},
  ) {
    super();
    const { epsilon = 1e-5, affine = true } = options;
    const op = new.target.name;
    positive(op, "groups", groups);
    positive(op, "channels", channels);
    if (channels % groups !== 0) {
      throw new ConfigError(`${op}: groups must divide the channels; got ${groups} and ${channels}.`);
    }
    if (!(epsilon >= 0)) throw new ConfigError(`${op}: epsilon must be at least 0; got ${epsilon}.`);
    this.epsilon = epsilon;
    this.weight = affine ? new Parameter([channels], ones) : null;
    this.bias = affine ? new Parameter([channels], zeros) : null;
  }

  forward(x: Tensor, _ctx?: Context): Tensor {
    const { groups, channels } = this;
    if (x.ndim < 2 || x.shape.at(-1) !== channels) {
      throw new ShapeError(
        `${this.label}: input must be [batch, ..., ${channels}]; got ${x.dtype}${formatShape(x.shape)}.`,
      );
    }
    const places = x.shape.slice(1, -1).reduce((product, size) => product * size, 1);
    const own = [groups, channels / groups];
    const grouped = x.reshape([x.shape[0] as number, places, ...own]);
    return normalise(grouped, affineAs(this, [1, 1, ...own]), [1, 3], this.epsilon).reshape(x.shape);
  }
}

/**
 * A GroupNorm with a group for each channel: mean and variance of each channel of each image. x: [batch, ..., channels].
 * 2 channels parameters with `affine`, which is off by default as in PyTorch.
 * Ulyanov et al., "Instance normalization: the missing ingredient for fast stylization", 2016.
 * @throws ConfigError and ShapeError as `GroupNorm`.
 * @example new InstanceNorm(64, { affine: true });
 */
export class InstanceNorm extends GroupNorm {
  constructor(channels: number, options: GroupNormOptions = {}) {
    super(channels, channels, { affine: false, ...options });
  }
}
