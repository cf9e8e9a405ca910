/** TransformerBlock: attention and a feed-forward network, each with a norm and a way around it. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { ConfigError } from "../../util/index.ts";
import {
  type AttendTo,
  type KeyValueCache,
  MultiHeadAttention,
  type MultiHeadAttentionOptions,
} from "../attention/index.ts";
import { type Context, context } from "../context.ts";
import { Dropout } from "../dropout.ts";
import { Module } from "../module.ts";
import { LayerNorm } from "../norm/layer-norm.ts";
import type { Scheduled } from "../scheduled.ts";
import { FeedForward, type FeedForwardOptions } from "./feed-forward.ts";

export interface TransformerBlockOptions extends MultiHeadAttentionOptions {
  /** Units of the feed-forward network. Default 4 width. */
  readonly hidden?: number;
  /** Default gelu. */
  readonly activation?: FeedForwardOptions["activation"];
  /** "pre": x + f(norm(x)), which trains deep stacks without warm-up. "post": norm(x + f(x)), as the paper. Default "pre". */
  readonly norm?: "pre" | "post";
  /** Dropout of attention weights, of the feed-forward network's units and of what is added to x, while training. Default 0. */
  readonly dropout?: Scheduled;
  /** Also attends to a context given in `forward`, as a decoder does. Default false. */
  readonly cross?: boolean;
}

/** In a block: x itself is attended to with `mask`; the context, if the block is a decoder's, with `contextMask`. */
export interface BlockInputs extends AttendTo {
  readonly contextMask?: Tensor;
}

/**
 * Self-attention, then attention to a context where `cross` is set, then a feed-forward network, each added to what it was given:
 * x + f(norm(x)) or norm(x + f(x)), for x: [batch, time, width]. PyTorch's TransformerEncoderLayer and TransformerDecoderLayer.
 * Vaswani et al. 2017; Xiong et al., "On layer normalization in the transformer architecture", 2020.
 * @throws ConfigError for widths that heads do not divide or another norm; ShapeError in `forward` when x, context or masks do not fit.
 * @example new TransformerBlock(128, { heads: 4, causal: true, dropout: 0.1 })
 */
export class TransformerBlock extends Module {
  readonly attentionNorm: LayerNorm;
  readonly attention: MultiHeadAttention;
  readonly crossNorm: LayerNorm | null;
  readonly cross: MultiHeadAttention | null;
  readonly feedForwardNorm: LayerNorm;
  readonly feedForward: FeedForward;
  private readonly dropouts: readonly Dropout[];
  private readonly isPre: boolean;

  constructor(width: number, options: TransformerBlockOptions) {
    super();
    const { norm = "pre", dropout = 0, contextWidth, ...rest } = options;
    if (norm !== "pre" && norm !== "post") {
      throw new ConfigError(`TransformerBlock: norm must be "pre" or "post"; got ${JSON.stringify(norm)}.`);
    }
    this.isPre = norm === "pre";
    this.attentionNorm = new LayerNorm(width);
    this.attention = new MultiHeadAttention(width, { ...rest, dropout });
    const across = { ...rest, dropout, causal: false, rotary: false, ...(contextWidth && { contextWidth }) };
    this.crossNorm = options.cross ? new LayerNorm(width) : null;
    this.cross = options.cross ? new MultiHeadAttention(width, across) : null;
    this.feedForwardNorm = new LayerNorm(width);
    this.feedForward = new FeedForward(width, { ...rest, dropout });
    this.dropouts = Array.from({ length: options.cross ? 3 : 2 }, () => new Dropout(dropout));
  }

  forward(x: Tensor, ctx: Context = context(), options: BlockInputs = {}): Tensor {
    const { mask, context: other, contextMask } = options;
    const attended = this.#around(0, this.attentionNorm, x, ctx, (y) =>
      this.attention.forward(y, ctx, mask && { mask }),
    );
    return this.#feed(this.#across(attended, ctx, other, contextMask), ctx);
  }

  /** The block for x: [batch, time, width], which comes after what the cache holds; see `MultiHeadAttention.extend`. */
  extend(
    x: Tensor,
    cache: KeyValueCache,
    ctx: Context = context(),
    options: Omit<BlockInputs, "mask"> = {},
  ): { output: Tensor; cache: KeyValueCache } {
    let next = cache;
    const attended = this.#around(0, this.attentionNorm, x, ctx, (y) => {
      const made = this.attention.extend(y, cache, ctx);
      next = made.cache;
      return made.output;
    });
    const output = this.#feed(this.#across(attended, ctx, options.context, options.contextMask), ctx);
    return { output, cache: next };
  }

  #across(x: Tensor, ctx: Context, other: Tensor | undefined, mask: Tensor | undefined): Tensor {
    const { cross, crossNorm } = this;
    if (cross === null || crossNorm === null) {
      if (other === undefined) return x;
      throw new ConfigError(`${this.label}: a context needs a block made with { cross: true }.`);
    }
    if (other === undefined) {
      throw new ConfigError(`${this.label}: a block with cross needs a context; got none.`);
    }
    return this.#around(2, crossNorm, x, ctx, (y) =>
      cross.forward(y, ctx, { context: other, ...(mask && { mask }) }),
    );
  }

  #feed(x: Tensor, ctx: Context): Tensor {
    return this.#around(1, this.feedForwardNorm, x, ctx, (y) => this.feedForward.forward(y, ctx));
  }

  #around(place: number, norm: LayerNorm, x: Tensor, ctx: Context, inner: (y: Tensor) => Tensor): Tensor {
    const added = (y: Tensor) => x.add((this.dropouts[place] as Dropout).forward(inner(y), ctx));
    return this.isPre ? added(norm.forward(x)) : norm.forward(added(x));
  }
}
