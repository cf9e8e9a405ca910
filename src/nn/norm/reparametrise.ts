/** WeightNorm, SpectralNorm and WeightNoise: a layer whose weight is a function of what is trained. */
import { random, stopGradient, type Tensor } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, normaliseAxis } from "../../util/index.ts";
import { type Context, context } from "../context.ts";
import { positive } from "../images.ts";
import type { Initializer } from "../initializers.ts";
import { Module } from "../module.ts";
import { buffer, Parameter } from "../parameter.ts";

/** A layer with a weight, as Linear and the convolutions are. */
export type Weighted = Module & { readonly weight: Parameter };

/** Runs the layer with another weight in the place of its own. */
function withWeight(layer: Weighted, weight: Tensor, x: Tensor, ctx: Context): Tensor {
  const own = layer.weight.swap(weight);
  try {
    return layer.forward(x, ctx);
  } finally {
    layer.weight.swap(own);
  }
}

function needWeight(op: string, layer: Weighted): void {
  if (layer instanceof Module && layer.weight instanceof Parameter && layer.weight.shape.length >= 2) return;
  const weight = layer?.weight instanceof Parameter ? formatShape(layer.weight.shape) : "none";
  throw new ConfigError(`${op}: the layer must have a weight of at least two axes; got ${weight}.`);
}

/** The Euclidean length over all axes but one. */
const lengthsAlong = (weight: Tensor, axis: number): Tensor =>
  weight
    .square()
    .sum(
      weight.shape.flatMap((_, other) => (other === axis ? [] : [other])),
      { keepDims: true },
    )
    .sqrt();

/**
 * The layer with weight = magnitude * direction / |direction|: the length of each output's weights is learned apart from where they
 * point. The layer's own weight (`layer/weight`) is the direction; `magnitude` [outputs] starts as its length, so that the function
 * is the layer's. Lengths are over all axes but `axis`, default the last. As many parameters more as that axis is long.
 * Salimans and Kingma, "Weight normalization", 2016.
 * @throws ConfigError for a layer without a weight of two axes or more.
 * @example new WeightNorm(new Linear(64, 10));
 */
export class WeightNorm extends Module {
  // Before the magnitude, which starts from its weight.
  readonly layer: Weighted;
  readonly magnitude: Parameter;
  readonly axis: number;

  constructor(layer: Weighted, axis = -1) {
    super();
    needWeight("WeightNorm", layer);
    this.layer = layer;
    const { weight } = layer;
    this.axis = normaliseAxis("WeightNorm", axis, weight.shape.length);
    const size = weight.shape[this.axis] as number;
    this.magnitude = new Parameter([size], () => lengthsAlong(weight.value, this.axis).reshape([size]));
  }

  forward(x: Tensor, ctx: Context = context()): Tensor {
    const direction = this.layer.weight.value;
    const along = direction.shape.map((size, axis) => (axis === this.axis ? size : 1));
    const scale = this.magnitude.value.reshape(along).div(lengthsAlong(direction, this.axis));
    return withWeight(this.layer, direction.mul(scale), x, ctx);
  }
}

export interface SpectralNormOptions {
  /** Steps of the power iteration in each training pass. Default 1. */
  readonly iterations?: number;
  /** Default 1e-12. */
  readonly epsilon?: number;
}

const unit = (x: Tensor, epsilon: number): Tensor => x.div(x.square().sum().sqrt().maximum(epsilon));

/** How many steps the vectors start with, as in PyTorch. */
const FIRST_STEPS = 15;

/**
 * The layer with weight / sigma, sigma being the largest singular value of the weight as a matrix [rest, outputs]: the layer's
 * Lipschitz constant is about 1. sigma = v' W u, for which training turns the buffers `left` v and `right` u by power iteration:
 * u <- W' v / |W' v|, v <- W u / |W u|; they are constants to the gradient. No parameters more.
 * Miyato et al., "Spectral normalization for generative adversarial networks", 2018.
 * @throws ConfigError for a layer without a weight of two axes or more, iterations that are not a positive integer.
 * @example new SpectralNorm(new Conv2d(3, 64, 3));
 */
export class SpectralNorm extends Module {
  // Before the vectors, which start from its weight.
  readonly layer: Weighted;
  readonly left: Parameter;
  readonly right: Parameter;
  readonly iterations: number;
  readonly epsilon: number;

  constructor(layer: Weighted, options: SpectralNormOptions = {}) {
    super();
    const { iterations = 1, epsilon = 1e-12 } = options;
    needWeight("SpectralNorm", layer);
    positive("SpectralNorm", "iterations", iterations);
    this.layer = layer;
    this.iterations = iterations;
    this.epsilon = epsilon;
    const { shape } = layer.weight;
    const outputs = shape.at(-1) as number;
    const rest = shape.slice(0, -1).reduce((product, size) => product * size, 1);
    const start: Initializer = (key) => this.#turn(unit(random.normal(key, [rest]), epsilon), FIRST_STEPS).v;
    this.left = buffer([rest], start);
    this.right = buffer([outputs], () => unit(this.left.value.matmul(this.#matrix()), epsilon));
  }

  #matrix(): Tensor {
    const { value } = this.layer.weight;
    return value.reshape([-1, value.shape.at(-1) as number]);
  }

  #turn(v: Tensor, steps: number): { u: Tensor; v: Tensor } {
    const matrix = stopGradient(this.#matrix());
    let [left, right] = [v, v];
    for (let step = 0; step < steps; step++) {
      right = unit(left.matmul(matrix), this.epsilon);
      left = unit(matrix.matmul(right), this.epsilon);
    }
    return { u: right, v: left };
  }

  forward(x: Tensor, ctx: Context = context()): Tensor {
    const { left, right, layer } = this;
    const { u, v } = ctx.train
      ? this.#turn(ctx.get(left), this.iterations)
      : { u: right.value, v: left.value };
    if (ctx.train) {
      ctx.put(right, u);
      ctx.put(left, v);
    }
    const sigma = v.matmul(this.#matrix()).matmul(u);
    return withWeight(layer, layer.weight.value.div(sigma), x, ctx);
  }
}

/**
 * The layer with weight + N(0, deviation^2) per element in training, drawn anew for each pass, and the layer itself otherwise: flat minima,
 * where the loss bears a change of the weights, are preferred. Biases stay. No parameters more.
 * Jim, Giles and Horne, "An analysis of noise in recurrent neural networks", 1996; Graves, "Practical variational inference for neural
 * networks", 2011.
 * @throws ConfigError for a layer without a weight of two axes or more, a deviation below 0, and in training when the context has no key.
 * @example new Sequential(new WeightNoise(new Linear(784, 128), 0.05), relu, new Linear(128, 10));
 */
export class WeightNoise extends Module {
  readonly layer: Weighted;
  readonly deviation: number;

  constructor(layer: Weighted, deviation: number) {
    super();
    needWeight("WeightNoise", layer);
    if (!(deviation >= 0 && deviation < Number.POSITIVE_INFINITY)) {
      throw new ConfigError(`WeightNoise: deviation must be at least 0 and finite; got ${deviation}.`);
    }
    this.layer = layer;
    this.deviation = deviation;
  }

  forward(x: Tensor, ctx: Context = context()): Tensor {
    if (!ctx.train || this.deviation === 0) return this.layer.forward(x, ctx);
    const { value } = this.layer.weight;
    const noise = random.normal(ctx.key(this), value.shape).mul(this.deviation);
    return withWeight(this.layer, value.add(noise), x, ctx);
  }
}
