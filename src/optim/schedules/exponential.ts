/** Values that change by a factor a step. */
import { rejectUnknown } from "../../util/index.ts";
import { checkFinite, checkRange } from "../range.ts";
import { type Schedule, schedule } from "./schedule.ts";

/**
 * max(initial * rate^(step / steps), floor), without an end but the floor. A rate above 1 grows.
 * PyTorch's ExponentialLR, optax's exponential_decay.
 * @throws ConfigError unless steps > 0, rate > 0 and the values are finite.
 * @example exponentialDecay({ initial: 0.1, rate: 0.5, steps: 1000, floor: 1e-5 });
 */
export function exponentialDecay(options: {
  initial: number;
  rate: number;
  /** Steps in which the value changes by `rate`. Default 1. */
  steps?: number;
  floor?: number;
}): Schedule {
  rejectUnknown("exponentialDecay", options, ["initial", "rate", "steps", "floor"]);
  const { initial, rate, steps = 1, floor } = options;
  checkFinite("exponentialDecay", floor === undefined ? { initial } : { initial, floor });
  checkRange("exponentialDecay", "steps", steps, { above: 0 });
  checkRange("exponentialDecay", "rate", rate, { above: 0 });
  return schedule((maths, step) => {
    const value = maths.mul(maths.pow(rate, maths.div(step, steps)), initial);
    return floor === undefined ? value : maths.max(value, floor);
  });
}

/**
 * from * (to / from)^min(step / steps, 1): equal steps of the logarithm, as a learning-rate range test wants. Holds `to` after
 * `steps` steps. Smith, "Cyclical learning rates for training neural networks", 2017, section 3.3.
 * @throws ConfigError unless from, to and steps are above 0.
 * @example sgd(exponentialGrowth({ from: 1e-6, to: 1, steps: 500 }));
 */
export function exponentialGrowth(options: { from: number; to: number; steps: number }): Schedule {
  rejectUnknown("exponentialGrowth", options, ["from", "to", "steps"]);
  const { from, to, steps } = options;
  for (const [name, value] of Object.entries({ from, to, steps })) {
    checkRange("exponentialGrowth", name, value, { above: 0 });
  }
  const ratio = to / from;
  const middle = from * Math.sqrt(ratio);
  return schedule((maths, step) => {
    // From the middle out exponents are half as large, and so is what their rounding does in f32.
    const away = maths.div(maths.sub(maths.min(step, steps), steps / 2), steps);
    return maths.mul(maths.pow(ratio, away), middle);
  }, steps);
}
