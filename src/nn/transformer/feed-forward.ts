/** FeedForward: the two-layer network of a transformer block. */
import type { Tensor } from "../../engine/tensor/index.ts";
import { gelu } from "../activations.ts";
import { type Context, context } from "../context.ts";
import { Dropout } from "../dropout.ts";
import { Linear, type LinearOptions } from "../linear.ts";
import { Module } from "../module.ts";
import type { Scheduled } from "../scheduled.ts";

export interface FeedForwardOptions extends LinearOptions {
  /** Units between the two products. Default 4 width. */
  readonly hidden?: number;
  /** Default gelu. */
  readonly activation?: (x: Tensor) => Tensor;
  /** Dropout after the activation, while training. Default 0. */
  readonly dropout?: Scheduled;
  /** Of the second product's weights. Default as weightInit. */
  readonly outputInit?: LinearOptions["weightInit"];
}

/**
 * y = f(x W1 + b1) W2 + b2 for x: [..., width], W1: [width, hidden], W2: [hidden, width].
 * Vaswani et al., "Attention is all you need", 2017.
 * @throws ConfigError for sizes that are not positive integers; ShapeError in `forward` when x's last axis is not `width`.
 */
export class FeedForward extends Module {
  readonly first: Linear;
  readonly second: Linear;
  private readonly dropout: Dropout;
  private readonly activation: (x: Tensor) => Tensor;

  constructor(width: number, options: FeedForwardOptions = {}) {
    super();
    const { hidden = 4 * width, activation = gelu, dropout = 0, outputInit = options.weightInit } = options;
    this.first = new Linear(width, hidden, options);
    this.second = new Linear(hidden, width, { ...options, ...(outputInit && { weightInit: outputInit }) });
    this.dropout = new Dropout(dropout);
    this.activation = activation;
  }

  forward(x: Tensor, ctx: Context = context()): Tensor {
    return this.second.forward(this.dropout.forward(this.activation(this.first.forward(x)), ctx));
  }
}
