/** PRelu: leakyRelu whose slope is learnt. */
import { type Tensor, where } from "../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError } from "../util/index.ts";
import type { Context } from "./context.ts";
import { constant } from "./initializers.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

/** max(x, 0) + slope * min(x, 0); the slope broadcasts against x, as one for each place of the last axis does. */
export const prelu = (x: Tensor, slope: Tensor): Tensor => where(x.gt(0), x, x.mul(slope));

/**
 * y = max(x, 0) + w * min(x, 0) with w: [channels], along the last axis of x, or w: [1], for all of it (the default). w starts at
 * 0.25; leave it out of weight decay, which would make this a relu.
 * He et al., "Delving deep into rectifiers", 2015.
 * @throws ConfigError for channels that are no positive integer; ShapeError in `forward` when x's last axis is not `channels`.
 * @example new Sequential(new Linear(784, 128), new PRelu(128), new Linear(128, 10));
 */
export class PRelu extends Module {
  readonly weight: Parameter;

  constructor(
    readonly channels = 1,
    initialSlope = 0.25,
  ) {
    super();
    if (!Number.isInteger(channels) || channels < 1) {
      throw new ConfigError(`PRelu: channels must be a positive integer; got ${channels}.`);
    }
    this.weight = new Parameter([channels], constant(initialSlope));
  }

  forward(x: Tensor, _ctx?: Context): Tensor {
    if (this.channels !== 1 && x.shape.at(-1) !== this.channels) {
      throw new ShapeError(
        `${this.label}: input's last axis must be ${this.channels}; got ${x.dtype}${formatShape(x.shape)}.`,
      );
    }
    return prelu(x, this.weight.value);
  }
}
