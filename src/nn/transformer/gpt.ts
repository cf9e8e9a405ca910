/** Gpt: a decoder-only language model. */
import type { Tensor, TensorLike } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError } from "../../util/index.ts";
import type { KeyValueCache } from "../attention/index.ts";
import { type Context, context } from "../context.ts";
import { Dropout } from "../dropout.ts";
import { Embedding, PositionalEmbedding, SinusoidalPositions } from "../embedding/index.ts";
import { normal } from "../initializers.ts";
import { Linear } from "../linear.ts";
import { Module } from "../module.ts";
import { LayerNorm } from "../norm/layer-norm.ts";
import { TransformerBlock, type TransformerBlockOptions } from "./block.ts";

export interface GptOptions
  extends Pick<TransformerBlockOptions, "heads" | "groups" | "hidden" | "activation" | "dropout" | "bias"> {
  /** Numbers of tokens. */
  readonly vocabulary: number;
  readonly width: number;
  readonly layers: number;
  /** The longest sequence. */
  readonly context: number;
  /** Default "learned". */
  readonly positions?: "learned" | "sinusoidal" | "rotary";
  /** The output layer's weights are the embedding's. Default true. */
  readonly tied?: boolean;
}

export interface Extended {
  readonly logits: Tensor;
  readonly caches: readonly KeyValueCache[];
}

/**
 * Logits of the next token at each place, [batch, time, vocabulary], for tokens i32 [batch, time]: embedding and positions, `layers`
 * causal pre-norm blocks, a last norm and the output layer. Weights start as N(0, 0.02^2), those that are added to the stream between
 * layers divided by sqrt(2 layers), as GPT-2.
 * Radford et al., "Language models are unsupervised multitask learners", 2019.
 * @throws ConfigError for sizes that do not fit; ShapeError in `forward` unless tokens are [batch, time], time at most `context`.
 * @example new Gpt({ vocabulary: 65, width: 128, layers: 4, heads: 4, context: 128 })
 */
export class Gpt extends Module {
  readonly tokens: Embedding;
  readonly positions: PositionalEmbedding | SinusoidalPositions | null;
  readonly blocks: readonly TransformerBlock[];
  readonly norm: LayerNorm;
  readonly output: Linear | null;
  readonly context: number;
  private readonly dropout: Dropout;

  constructor(options: GptOptions) {
    super();
    const { vocabulary, width, layers, context: length, positions = "learned", tied = true } = options;
    for (const [name, size] of [
      ["layers", layers],
      ["context", length],
    ] as const) {
      if (!Number.isInteger(size) || size < 1) {
        throw new ConfigError(`Gpt: ${name} must be a positive integer; got ${size}.`);
      }
    }
    const weightInit = normal(0.02);
    this.context = length;
    this.tokens = new Embedding(vocabulary, width, { weightInit });
    this.positions = positionsOf(positions, length, width);
    this.dropout = new Dropout(options.dropout ?? 0);
    const block = {
      ...options,
      causal: true,
      rotary: positions === "rotary",
      weightInit,
      outputInit: normal(0.02 / Math.sqrt(2 * layers)),
    };
    this.blocks = Array.from({ length: layers }, () => new TransformerBlock(width, block));
    this.norm = new LayerNorm(width);
    this.output = tied ? null : new Linear(width, vocabulary, { bias: false, weightInit });
  }

  forward(tokens: Tensor, ctx: Context = context()): Tensor {
    const start = this.#embed(tokens, 0, ctx);
    return this.#logits(this.blocks.reduce((x, block) => block.forward(x, ctx), start));
  }

  /** An empty cache for each block, for `batch` sequences. */
  caches(batch: number): KeyValueCache[] {
    return this.blocks.map(({ attention }) => attention.cache(batch, this.context));
  }

  /** The logits of tokens [batch, time] that come after what the caches hold, and the caches with them. */
  extend(tokens: Tensor, caches: readonly KeyValueCache[], ctx: Context = context()): Extended {
    if (caches.length !== this.blocks.length) {
      throw new ConfigError(
        `${this.label}: there must be a cache for each of ${this.blocks.length} blocks; got ${caches.length}. See caches(batch).`,
      );
    }
    let x = this.#embed(tokens, caches[0]?.length ?? 0, ctx);
    const next = this.blocks.map((block, i) => {
      const { output, cache } = block.extend(x, caches[i] as KeyValueCache, ctx);
      x = output;
      return cache;
    });
    return { logits: this.#logits(x), caches: next };
  }

  #embed(tokens: Tensor, offset: TensorLike, ctx: Context): Tensor {
    const time = tokens.shape[1] ?? 0;
    if (tokens.ndim !== 2 || time > this.context) {
      throw new ShapeError(
        `${this.label}: tokens must be [batch, time] with time at most ${this.context}; got ${tokens.dtype}${formatShape(tokens.shape)}.`,
      );
    }
    const vectors = this.tokens.forward(tokens);
    return this.dropout.forward(this.positions?.forward(vectors, ctx, offset) ?? vectors, ctx);
  }

  #logits(x: Tensor): Tensor {
    const y = this.norm.forward(x);
    return this.output === null ? this.tokens.attend(y) : this.output.forward(y);
  }
}

function positionsOf(
  positions: "learned" | "sinusoidal" | "rotary",
  length: number,
  width: number,
): PositionalEmbedding | SinusoidalPositions | null {
  switch (positions) {
    case "learned":
      return new PositionalEmbedding(length, width);
    case "sinusoidal":
      return new SinusoidalPositions(width);
    case "rotary":
      return null;
    default:
      positions satisfies never;
      throw new ConfigError(
        `Gpt: positions must be "learned", "sinusoidal" or "rotary"; got ${JSON.stringify(positions)}.`,
      );
  }
}
