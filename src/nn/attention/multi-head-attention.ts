/** MultiHeadAttention: projections to queries, keys and values, attention in each head, and a projection back. */
import { type Tensor, where } from "../../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError } from "../../util/index.ts";
import { type Context, context } from "../context.ts";
import { checkRate } from "../dropout.ts";
import { type RotaryOptions, rotary } from "../embedding/index.ts";
import { Linear, type LinearOptions } from "../linear.ts";
import { Module } from "../module.ts";
import { type Scheduled, scheduledValue } from "../scheduled.ts";
import { appended, emptyCache, type KeyValueCache } from "./cache.ts";
import { causalMask } from "./mask.ts";
import { attention } from "./scaled-dot-product.ts";

export interface MultiHeadAttentionOptions extends Pick<LinearOptions, "bias" | "weightInit" | "biasInit"> {
  /** Must divide the width. */
  readonly heads: number;
  /** Heads of keys and values, each serving as many of the queries'; must divide `heads`. Default as many. */
  readonly groups?: number;
  /** Size of the last axis of what keys and values are made of. Default the width. */
  readonly contextWidth?: number;
  /** Each position sees itself and what is before it. Default false. */
  readonly causal?: boolean;
  /** Dropout of attention weights, while training. Default 0. */
  readonly dropout?: Scheduled;
  /** Turns queries and keys by their positions; see `rotary`. Default false. */
  readonly rotary?: boolean | Pick<RotaryOptions, "base" | "pairs">;
  /** Of the projection back. Default as weightInit. */
  readonly outputInit?: LinearOptions["weightInit"];
}

export interface AttendTo {
  /** What keys and values are made of, [batch, keys, contextWidth]: cross-attention. Default x itself. */
  readonly context?: Tensor;
  /** bool, true where a query sees a key, or f32, added to the scores: [queries, keys], [batch, queries, keys] or [batch, heads, queries, keys]. */
  readonly mask?: Tensor;
}

export interface Attended {
  readonly output: Tensor;
  readonly cache: KeyValueCache;
}

/**
 * y = [head 1, ..., head n] Wo + bo, head i being attention of x Wq to (c Wk, c Wv) in its part of the width, for x: [batch, queries, width],
 * context c: [batch, keys, contextWidth] (by default x), y: [batch, queries, width]. Weights start as xavierUniform, biases as 0.
 * Vaswani et al., "Attention is all you need", 2017. PyTorch's `nn.MultiheadAttention` with batch_first.
 * @throws ConfigError for widths that heads, or heads that groups, do not divide, or a width per head that is odd with rotary; ShapeError
 * in `forward` when x, context or mask do not fit.
 * @example const y = new MultiHeadAttention(128, { heads: 4, causal: true }).init(0).forward(x);
 */
export class MultiHeadAttention extends Module {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear;
  readonly heads: number;
  readonly groups: number;
  readonly causal: boolean;
  readonly dropout: Scheduled;
  private readonly turn: RotaryOptions | null;

  constructor(
    readonly width: number,
    options: MultiHeadAttentionOptions,
  ) {
    super();
    const { heads, groups = heads, contextWidth = width, causal = false, dropout = 0 } = options;
    for (const [part, of, names] of [
      [heads, width, "width must be divisible by heads"],
      [groups, heads, "heads must be divisible by groups"],
    ] as const) {
      if (!(Number.isInteger(part) && part > 0 && of % part === 0)) {
        throw new ConfigError(`MultiHeadAttention: ${names}; got ${of} and ${part}.`);
      }
    }
    const each = width / heads;
    this.turn =
      options.rotary === undefined || options.rotary === false
        ? null
        : options.rotary === true
          ? {}
          : options.rotary;
    if (this.turn !== null && each % 2 !== 0) {
      throw new ConfigError(`MultiHeadAttention: with rotary the width of a head must be even; got ${each}.`);
    }
    checkRate("MultiHeadAttention", dropout, "dropout");
    this.heads = heads;
    this.groups = groups;
    this.causal = causal;
    this.dropout = dropout;
    const { outputInit = options.weightInit } = options;
    this.query = new Linear(width, width, options);
    this.key = new Linear(contextWidth, groups * each, options);
    this.value = new Linear(contextWidth, groups * each, options);
    this.output = new Linear(width, width, { ...options, ...(outputInit && { weightInit: outputInit }) });
  }

  forward(x: Tensor, ctx: Context = context(), options: AttendTo = {}): Tensor {
    const source = options.context ?? x;
    this.#check(x, source);
    const [q, k, v] = [this.#query(x), this.#key(source), this.#split(this.value, source)];
    const mask = options.mask && this.#mask(options.mask, x, source.shape[1] as number);
    return this.#attend(q, k, v, ctx, { causal: this.causal, ...(mask && { mask }) });
  }

  /** An empty cache for `batch` sequences of up to `capacity` elements. */
  cache(batch: number, capacity: number): KeyValueCache {
    return emptyCache(
      [batch, capacity, this.groups, this.width / this.heads],
      this.query.weight.value.device,
    );
  }

  /**
   * Self-attention of x: [batch, time, width], which comes after what the cache holds: keys and values are computed for x alone.
   * Gives the same as `forward` over the whole of a sequence, and the cache with x in it; NaN where x does not fit in it.
   */
  extend(x: Tensor, cache: KeyValueCache, ctx: Context = context()): Attended {
    this.#check(x, x);
    const { length } = cache;
    const next = appended(cache, this.#key(x, length), this.#split(this.value, x));
    const [time, capacity] = [x.shape[1] as number, cache.keys.shape[1] as number];
    // Without causality the elements of x see each other, and nothing past them.
    const last = this.causal ? length : length.add(time - 1);
    const seen = causalMask(this.causal ? time : 1, capacity, last).unsqueeze([0, 1]);
    const output = this.#attend(this.#query(x, length), next.keys, next.values, ctx, { mask: seen });
    // Rather than something plausible.
    const full = where(next.length.gt(capacity), Number.NaN, 0);
    return { output: output.add(full), cache: next };
  }

  #query(x: Tensor, offset?: Tensor): Tensor {
    return this.#turned(this.#split(this.query, x), offset);
  }

  #key(x: Tensor, offset?: Tensor): Tensor {
    return this.#turned(this.#split(this.key, x), offset);
  }

  #turned(x: Tensor, offset: Tensor | undefined): Tensor {
    return this.turn === null ? x : rotary(x, { ...this.turn, axis: 1, ...(offset && { offset }) });
  }

  /** A projection as [batch, time, heads, width of a head]. */
  #split(projection: Linear, x: Tensor): Tensor {
    const [batch, time] = x.shape as [number, number];
    return projection.forward(x).reshape([batch, time, -1, this.width / this.heads]);
  }

  #attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    ctx: Context,
    options: { mask?: Tensor; causal?: boolean },
  ): Tensor {
    const dropout = ctx.train ? scheduledValue(this.label, "dropout", this.dropout, ctx) : 0;
    const key = dropout === 0 ? {} : { dropout, key: ctx.key(this) };
    const mixed = attention(this.label, { q, k, v }, { ...options, ...key });
    return this.output.forward(mixed.reshape([...q.shape.slice(0, 2), this.width]));
  }

  #check(x: Tensor, source: Tensor): void {
    const [ofX, ofSource] = [this.query.inputs, this.key.inputs];
    const fits =
      x.ndim === 3 &&
      x.shape[2] === ofX &&
      source.ndim === 3 &&
      source.shape[2] === ofSource &&
      source.shape[0] === x.shape[0];
    if (fits) return;
    const got = x === source ? "" : ` and context ${source.dtype}${formatShape(source.shape)}`;
    const expected = x === source ? "" : `, context [batch, keys, ${ofSource}]`;
    throw new ShapeError(
      `${this.label}: input must be [batch, time, ${ofX}]${expected}; got ${x.dtype}${formatShape(x.shape)}${got}.`,
    );
  }

  /** The mask with four axes, each 1 or as the scores have it. */
  #mask(mask: Tensor, x: Tensor, keys: number): Tensor {
    const [batch, queries] = x.shape as [number, number];
    const target = [batch, this.heads, queries, keys];
    const [two, three] = [mask.ndim === 2, mask.ndim === 3];
    const shape = two
      ? [1, 1, ...mask.shape]
      : three
        ? [mask.shape[0] as number, 1, ...mask.shape.slice(1)]
        : mask.shape;
    if (shape.length === 4 && shape.every((size, axis) => size === 1 || size === target[axis])) {
      return mask.reshape(shape);
    }
    throw new ShapeError(
      `${this.label}: mask must be [${queries},${keys}], [${batch},${queries},${keys}] or ${formatShape(target)}, or 1 where it is the same for all; got ${mask.dtype}${formatShape(mask.shape)}.`,
    );
  }
}
