/** BatchNorm: normalises each channel over the batch, and over the running statistics in inference. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError } from "../../util/index.ts";
import { type Context, context } from "../context.ts";
import { positive } from "../images.ts";
import { ones, zeros } from "../initializers.ts";
import { Module } from "../module.ts";
import { buffer, Parameter } from "../parameter.ts";
import { affineAs, moments, normalise } from "./normalise.ts";

export interface BatchNormOptions {
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
  /**
   * Share of the batch in the running statistics: new = (1 - momentum) old + momentum batch, PyTorch's sense (Keras' momentum is one
   * minus it). Default 0.1. null: their mean over all batches seen so far.
   */
  readonly momentum?: number | null;
  /** Learn a weight and a bias for each channel. Default true. */
  readonly affine?: boolean;
  /** Keep running statistics for inference; without them inference, too, uses those of its batch. Default true. */
  readonly trackRunningStats?: boolean;
}

/**
 * y = (x - mean) / sqrt(variance + epsilon) * weight + bias for each channel, which is the last axis: x: [batch, ..., features] of any
 * rank. In training mean and variance are the batch's, over all axes but the last, and move the running ones (towards the unbiased
 * variance); in inference they are the running ones, which start as 0 and 1.
 *
 * 2 features parameters (none without `affine`), 2 features numbers of state. When weight and bias are frozen, training too uses the
 * running statistics and leaves them alone, as fine-tuning wants. After weights were averaged see `recalibrate`.
 * Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift", 2015.
 * @throws ConfigError for sizes that are not positive integers, epsilon below 0, momentum outside [0, 1]; ShapeError in `forward` for
 * other channels, and in training for a batch with one value a channel, which has no variance.
 * @example new Sequential(new Conv2d(3, 16, 3, { padding: 1, bias: false }), new BatchNorm(16), relu);
 */
export class BatchNorm extends Module {
  /** [features] */
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly runningMean: Parameter | null;
  readonly runningVar: Parameter | null;
  /** How many batches are in the running statistics, where momentum is null. */
  readonly batches: Parameter | null;
  readonly epsilon: number;
  readonly momentum: number | null;

  constructor(
    readonly features: number,
    options: BatchNormOptions = {},
  ) {
    super();
    const { epsilon = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true } = options;
    positive("BatchNorm", "features", features);
    if (!(epsilon >= 0)) throw new ConfigError(`BatchNorm: epsilon must be at least 0; got ${epsilon}.`);
    if (momentum !== null && !(momentum >= 0 && momentum <= 1)) {
      throw new ConfigError(`BatchNorm: momentum must be in [0, 1] or null; got ${momentum}.`);
    }
    this.epsilon = epsilon;
    this.momentum = momentum;
    this.weight = affine ? new Parameter([features], ones) : null;
    this.bias = affine ? new Parameter([features], zeros) : null;
    this.runningMean = trackRunningStats ? buffer([features], zeros) : null;
    this.runningVar = trackRunningStats ? buffer([features], ones) : null;
    this.batches = trackRunningStats && momentum === null ? buffer([]) : null;
  }

  /** Whether the affine part was frozen: then the statistics are, too. */
  get frozen(): boolean {
    const { weight, bias } = this;
    return weight !== null && bias !== null && !weight.trainable && !bias.trainable;
  }

  forward(x: Tensor, ctx: Context = context()): Tensor {
    if (x.ndim < 2 || x.shape.at(-1) !== this.features) {
      throw new ShapeError(
        `${this.label}: input must be [batch, ..., ${this.features}]; got ${x.dtype}${formatShape(x.shape)}.`,
      );
    }
    const { runningMean, runningVar } = this;
    if (runningMean !== null && runningVar !== null && (!ctx.train || this.frozen)) {
      const scale = runningVar.value.add(this.epsilon).rsqrt();
      const y = x.sub(runningMean.value).mul(this.weight ? scale.mul(this.weight.value) : scale);
      return this.bias ? y.add(this.bias.value) : y;
    }
    const axes = x.shape.slice(0, -1).map((_, axis) => axis);
    if (ctx.train && !this.frozen) this.#move(x, axes, ctx);
    const affine = affineAs(this, [...axes.map(() => 1), this.features]);
    return normalise(x, affine, axes, this.epsilon);
  }

  /** Moves the running statistics towards the batch's. */
  #move(x: Tensor, axes: readonly number[], ctx: Context): void {
    const count = x.size / this.features;
    if (count < 2) {
      throw new ShapeError(
        `${this.label}: training needs at least 2 values a channel; got ${x.dtype}${formatShape(x.shape)}. Use a larger batch, or drop the last one (dropLast).`,
      );
    }
    const { runningMean, runningVar, batches, momentum } = this;
    if (runningMean === null || runningVar === null) return;
    const { mean, variance } = moments(x, axes);
    const seen = batches && ctx.get(batches).add(1);
    if (batches && seen) ctx.put(batches, seen);
    const towards = (statistic: Parameter, now: Tensor): void => {
      const old = ctx.get(statistic);
      const batch = now.reshape([this.features]);
      const next =
        momentum === null
          ? old.add(batch.sub(old).div(seen as Tensor))
          : old.mul(1 - momentum).add(batch.mul(momentum));
      ctx.put(statistic, next);
    };
    towards(runningMean, mean);
    towards(runningVar, variance.mul(count / (count - 1)));
  }
}
