/** Dropout: while training, elements are zeroed at random and the rest scaled up. */
import { random, type Tensor, where } from "../engine/tensor/index.ts";
import { type Context, context } from "./context.ts";
import { Module } from "./module.ts";
import { checkScheduled, type Scheduled, scheduledValue } from "./scheduled.ts";

/**
 * y = x * m / (1 - rate) with m ~ Bernoulli(1 - rate) per element in training, y = x otherwise ("inverted": the mean is kept).
 * The rate is a number or follows the step. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
 * JMLR 2014; on rates that change, Morerio et al., "Curriculum dropout", 2017.
 * @throws ConfigError unless 0 <= rate < 1, and in training when the context has no key, or no step for a rate that follows it.
 */
export class Dropout extends Module {
  constructor(readonly rate: Scheduled) {
    super();
    checkRate("dropout", rate);
  }

  forward(x: Tensor, ctx: Context = context()): Tensor {
    return dropped(x, ctx, this, x.shape);
  }
}

/**
 * A Dropout layer.
 * @example new Sequential(new Linear(784, 128), relu, dropout(0.2), new Linear(128, 10));
 * @example dropout(linear({ from: 0, to: 0.3, steps: 2000 })); // a schedule of nabla/optim
 */
export const dropout = (rate: Scheduled): Dropout => new Dropout(rate);

/** What is kept of x, one draw for each element of `shape`, which broadcasts against it. */
export function dropped(
  x: Tensor,
  ctx: Context,
  owner: Module & { readonly rate: Scheduled },
  shape: readonly number[],
): Tensor {
  if (!ctx.train || owner.rate === 0) return x;
  return drop(x, ctx.key(owner), shape, scheduledValue(owner.label, "rate", owner.rate, ctx));
}

/** x * m / (1 - rate), with m of `shape` drawn from the key. */
export function drop(x: Tensor, key: Tensor, shape: readonly number[], rate: number | Tensor): Tensor {
  const keep = typeof rate === "number" ? 1 - rate : rate.neg().add(1);
  const scale = typeof keep === "number" ? 1 / keep : keep.reciprocal();
  return where(random.bernoulli(key, shape, keep), x.mul(scale), 0);
}

/** Throws ConfigError unless 0 <= rate < 1. */
export const checkRate = (op: string, rate: Scheduled, name = "rate"): void =>
  checkScheduled(op, name, rate, "at least 0 and below 1", (value) => value >= 0 && value < 1);
