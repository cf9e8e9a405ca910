/** AlphaDropout: dropout that keeps mean and variance, for networks of selu. */
import { random, type Tensor, where } from "../engine/tensor/index.ts";
import { SELU_ALPHA, SELU_SCALE } from "./activations.ts";
import { type Context, context } from "./context.ts";
import { checkRate } from "./dropout.ts";
import { Module } from "./module.ts";
import { type Scheduled, scheduledValue } from "./scheduled.ts";

/** What selu tends to far below 0. */
const FLOOR = -SELU_ALPHA * SELU_SCALE;

/**
 * y = a (x where m else s) + b with m ~ Bernoulli(q) per element, q = 1 - rate, s = -1.7581 (selu's lower limit) in training, y = x
 * otherwise; a = (q + s^2 q (1 - q))^(-1/2) and b = -a s (1 - q) make mean 0 and variance 1 stay what they are.
 * Klambauer et al., "Self-normalizing neural networks", 2017.
 * @throws ConfigError unless 0 <= rate < 1, and in training when the context has no key, or no step for a rate that follows it.
 * @example new Sequential(new Linear(784, 128, { weightInit: lecunNormal }), selu, alphaDropout(0.05), new Linear(128, 10));
 */
export class AlphaDropout extends Module {
  constructor(readonly rate: Scheduled) {
    super();
    checkRate("alphaDropout", rate);
  }

  forward(x: Tensor, ctx: Context = context()): Tensor {
    if (!ctx.train || this.rate === 0) return x;
    const rate = scheduledValue(this.label, "rate", this.rate, ctx);
    const { keep, scale, shift } = typeof rate === "number" ? affine(rate) : affineOf(rate);
    return where(random.bernoulli(ctx.key(this), x.shape, keep), x, FLOOR)
      .mul(scale)
      .add(shift);
  }
}

function affine(rate: number) {
  const keep = 1 - rate;
  const scale = 1 / Math.sqrt(keep + FLOOR * FLOOR * keep * rate);
  return { keep, scale, shift: -scale * FLOOR * rate };
}

/** The same of a rate that is known only in the step. */
function affineOf(rate: Tensor) {
  const keep = rate.neg().add(1);
  const scale = keep.add(keep.mul(rate).mul(FLOOR * FLOOR)).rsqrt();
  return { keep, scale, shift: scale.mul(rate).mul(-FLOOR) };
}

/** An AlphaDropout layer. */
export const alphaDropout = (rate: Scheduled): AlphaDropout => new AlphaDropout(rate);
