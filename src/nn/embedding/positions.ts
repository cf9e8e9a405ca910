/** Where in a sequence something is: learned vectors, and sines of many wavelengths. */
import {
  arange,
  concat,
  cos,
  full,
  sin,
  stack,
  type Tensor,
  type TensorLike,
  take,
} from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError } from "../../util/index.ts";
import type { Context } from "../context.ts";
import { type Initializer, normal } from "../initializers.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";

/** Positions offset, offset + 1, ...: i32 [length]. */
export const positionsFrom = (length: number, offset: TensorLike): Tensor => arange(length).add(offset);

/**
 * angle[p, i] = p / base^(2 i / width) for the positions p: [...], i < width / 2; f32 [..., width / 2].
 * The wavelengths form a geometric progression from 2 pi to base * 2 pi.
 */
export function angles(positions: Tensor, width: number, base: number): Tensor {
  // Constants of the plan, so that layers share what is made of them.
  const rates = Array.from({ length: width / 2 }, (_, i) => full([1], base ** ((-2 * i) / width)));
  return positions.astype("f32").unsqueeze(-1).mul(concat(rates));
}

/** Throws ShapeError unless x is [..., time, width]. */
function requireSequence(label: string, x: Tensor, width: number): number {
  const time = x.shape.at(-2);
  if (time === undefined || x.shape.at(-1) !== width) {
    throw new ShapeError(
      `${label}: input must be [..., time, ${width}]; got ${x.dtype}${formatShape(x.shape)}.`,
    );
  }
  return time;
}

export interface PositionalEmbeddingOptions {
  /** Default normal(0.02), as GPT-2. */
  readonly weightInit?: Initializer;
}

/**
 * y[..., t, :] = x[..., t, :] + W[offset + t, :], for x: [..., time, width], W: [length, width], learned.
 * @throws ConfigError for sizes that are not positive integers; ShapeError in `forward` when x is not [..., time, width] or longer than
 * `length`.
 * @example new Sequential(new Embedding(65, 128), new PositionalEmbedding(256, 128));
 */
export class PositionalEmbedding extends Module {
  readonly weight: Parameter;

  constructor(
    readonly length: number,
    readonly width: number,
    options: PositionalEmbeddingOptions = {},
  ) {
    super();
    for (const size of [length, width]) {
      if (!Number.isInteger(size) || size < 1) {
        throw new ConfigError(
          `PositionalEmbedding: sizes must be positive integers; got ${length} and ${width}.`,
        );
      }
    }
    this.weight = new Parameter([length, width], options.weightInit ?? normal(0.02));
  }

  /** `offset`: the position of x's first element, a number or i32 []. Positions from a tensor are not checked: past the end they read NaN. */
  forward(x: Tensor, _ctx?: Context, offset: TensorLike = 0): Tensor {
    const time = requireSequence(this.label, x, this.width);
    const first = typeof offset === "number" ? offset : 0;
    if (first + time > this.length) {
      throw new ShapeError(
        `${this.label}: positions must be below ${this.length}; got ${first} to ${first + time - 1} of ${x.dtype}${formatShape(x.shape)}.`,
      );
    }
    const vectors =
      typeof offset === "number"
        ? this.weight.value.slice([offset, offset + time])
        : take(this.weight.value, positionsFrom(time, offset), 0);
    return x.add(vectors);
  }
}

export interface SinusoidalPositionsOptions {
  /** Default 10,000. */
  readonly base?: number;
}

/**
 * table[p, 2 i] = sin(p / base^(2 i / width)), table[p, 2 i + 1] = cos of the same; f32 [positions, width].
 * Vaswani et al., "Attention is all you need", 2017.
 * @throws ConfigError unless `width` is even and positive.
 * @example sinusoidalPositions(arange(128), 64)
 */
export function sinusoidalPositions(positions: Tensor, width: number, base = 10_000): Tensor {
  requireEven("sinusoidalPositions", width);
  const angle = angles(positions, width, base);
  return stack([sin(angle), cos(angle)], -1).reshape([...positions.shape, width]);
}

/** Throws ConfigError unless `width` is even and positive. */
export function requireEven(op: string, width: number): void {
  if (Number.isInteger(width) && width > 0 && width % 2 === 0) return;
  throw new ConfigError(`${op}: width must be even and positive; got ${width}.`);
}

/**
 * y[..., t, :] = x[..., t, :] + sinusoidalPositions[offset + t, :], for x: [..., time, width]. Nothing is learned.
 * @throws ConfigError unless `width` is even and positive; ShapeError in `forward` when x is not [..., time, width].
 */
export class SinusoidalPositions extends Module {
  readonly base: number;

  constructor(
    readonly width: number,
    options: SinusoidalPositionsOptions = {},
  ) {
    super();
    requireEven("SinusoidalPositions", width);
    this.base = options.base ?? 10_000;
  }

  /** `offset`: the position of x's first element. */
  forward(x: Tensor, _ctx?: Context, offset: TensorLike = 0): Tensor {
    const time = requireSequence(this.label, x, this.width);
    return x.add(sinusoidalPositions(positionsFrom(time, offset), this.width, this.base));
  }
}
