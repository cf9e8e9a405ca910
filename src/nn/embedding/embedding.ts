/** Embedding: a vector for each number of a vocabulary, and the output layer that shares its weights. */
import { arange, stopGradient, type Tensor, take, tensor, where } from "../../engine/tensor/index.ts";
import { ConfigError, DataError, DTypeError, formatShape, ShapeError } from "../../util/index.ts";
import type { Context } from "../context.ts";
import { type Initializer, normal } from "../initializers.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";

export interface EmbeddingOptions {
  /** The number that stands for padding: its vector starts as 0 and gets no gradient. Default: none. */
  readonly paddingIndex?: number;
  /** Default normal(1), as PyTorch. */
  readonly weightInit?: Initializer;
}

/** Numbers of a vocabulary: a tensor of i32, or lists on the host. */
export type Indices = Tensor | Int32Array | readonly number[] | readonly (readonly number[])[];

/**
 * y[..., :] = W[i[...], :], for indices i: i32 [...], W: [vocabulary, width], y: [..., width].
 * Indices in a tensor that are out of range read NaN, which the trainer reports; on the host they throw, named with their place.
 * @throws ConfigError for sizes that are not positive integers or a paddingIndex outside the vocabulary; in `forward` DTypeError for
 * a tensor that is not of integers, DataError for lists with numbers outside the vocabulary.
 * @example const vectors = new Embedding(65, 128).init(0).forward([[3, 1, 4], [1, 5, 9]]); // f32[2,3,128]
 */
export class Embedding extends Module {
  readonly weight: Parameter;
  readonly paddingIndex: number | null;

  constructor(
    readonly vocabulary: number,
    readonly width: number,
    options: EmbeddingOptions = {},
  ) {
    super();
    for (const size of [vocabulary, width]) {
      if (!Number.isInteger(size) || size < 1) {
        throw new ConfigError(`Embedding: sizes must be positive integers; got ${vocabulary} and ${width}.`);
      }
    }
    const padding = options.paddingIndex ?? null;
    if (padding !== null && !(Number.isInteger(padding) && padding >= 0 && padding < vocabulary)) {
      throw new ConfigError(`Embedding: paddingIndex must be in [0, ${vocabulary}); got ${padding}.`);
    }
    this.paddingIndex = padding;
    const init = options.weightInit ?? normal(1);
    this.weight = new Parameter([vocabulary, width], padding === null ? init : withZeroRow(init, padding));
  }

  forward(indices: Indices, _ctx?: Context): Tensor {
    const at = this.#indices(indices);
    const vectors = take(this.weight.value, at, 0);
    if (this.paddingIndex === null) return vectors;
    return where(at.eq(this.paddingIndex).unsqueeze(-1), stopGradient(vectors), vectors);
  }

  /**
   * The products of x: [..., width] with every vector, [..., vocabulary]: an output layer whose weights are this layer's.
   * @throws ShapeError when x's last axis is not `width`.
   * @example const logits = tokens.attend(hidden);
   */
  attend(x: Tensor): Tensor {
    if (x.shape.at(-1) !== this.width) {
      throw new ShapeError(
        `${this.label}: input's last axis must be ${this.width}; got ${x.dtype}${formatShape(x.shape)}.`,
      );
    }
    return x.matmul(this.weight.value.transpose());
  }

  #indices(indices: Indices): Tensor {
    if ("node" in indices) {
      if (indices.dtype === "i32" || indices.dtype === "u32") return indices;
      if (indices.dtype === "i8" || indices.dtype === "u8") return indices.astype("i32");
      throw new DTypeError(
        `${this.label}: indices must be integers; got ${indices.dtype}${formatShape(indices.shape)}. Cast with .astype("i32").`,
      );
    }
    checkRange(this.label, indices, this.vocabulary);
    return tensor(indices instanceof Int32Array ? indices : [...indices], {
      dtype: "i32",
      device: this.weight.value.device,
    });
  }
}

/** Throws DataError for a number that is not in [0, size), with its place. */
function checkRange(
  label: string,
  list: ArrayLike<number | readonly number[]>,
  size: number,
  place = "",
): void {
  for (let i = 0; i < list.length; i++) {
    const item = list[i] as number | readonly number[];
    if (typeof item !== "number") checkRange(label, item, size, `${place}[${i}]`);
    else if (!Number.isInteger(item) || item < 0 || item >= size) {
      throw new DataError(`${label}: indices must be in [0, ${size}); got ${item} at ${place}[${i}].`);
    }
  }
}

/** `init`, but 0 in one row. */
function withZeroRow(init: Initializer, row: number): Initializer {
  return (key, shape) => {
    const weight = init(key, shape);
    return where(
      arange(shape[0] as number)
        .eq(row)
        .unsqueeze(-1),
      0,
      weight,
    );
  };
}

/**
 * An embedding as an output layer: y = x W', for W: [vocabulary, width] of the embedding itself, x: [..., width]. The weights are one
 * parameter in two places: counted and saved once, its gradient the sum of both.
 * Press and Wolf, "Using the output embedding to improve language models", 2017.
 * @throws ShapeError in `forward` when x's last axis is not the embedding's width.
 * @example
 * const tokens = new Embedding(65, 128);
 * const model = new Sequential(tokens, new TransformerBlock(128, { heads: 4 }), new TiedOutput(tokens));
 */
export class TiedOutput extends Module {
  constructor(readonly embedding: Embedding) {
    super();
  }

  forward(x: Tensor, _ctx?: Context): Tensor {
    return this.embedding.attend(x);
  }
}
