/** Decay by the inverse of the time, or of its square root. None of these ends. */
import { rejectUnknown } from "../../util/index.ts";
import { checkFinite, checkRange } from "../range.ts";
import { type Schedule, schedule } from "./schedule.ts";
import { anneal } from "./shapes.ts";

/**
 * initial / (1 + decay * t), where t = step / steps, or floor(step / steps) with `staircase`. Robbins and Monro, "A stochastic
 * approximation method", 1951, asks for a rate that falls like this.
 * @throws ConfigError unless decay >= 0, steps > 0 and `initial` is finite.
 * @example inverseTime({ initial: 0.1, decay: 0.5, steps: 1000 });
 */
export function inverseTime(options: {
  initial: number;
  decay: number;
  /** Steps in which the denominator grows by `decay`. Default 1. */
  steps?: number;
  /** Changes at multiples of `steps` only. Default false. */
  staircase?: boolean;
}): Schedule {
  rejectUnknown("inverseTime", options, ["initial", "decay", "steps", "staircase"]);
  const { initial, decay, steps = 1, staircase = false } = options;
  checkFinite("inverseTime", { initial });
  checkRange("inverseTime", "decay", decay, { min: 0 });
  checkRange("inverseTime", "steps", steps, { above: 0 });
  return schedule((maths, step) => {
    const time = maths.div(step, steps);
    return maths.div(initial, maths.add(maths.mul(staircase ? maths.floor(time) : time, decay), 1));
  });
}

/**
 * A line from `initial` to `peak` over `warmup` steps, then peak * sqrt(warmup / step). fairseq's inverse_sqrt.
 * @throws ConfigError unless warmup > 0 and the values are finite.
 * @example adam(inverseSqrt({ peak: 5e-4, warmup: 4000 }));
 */
export function inverseSqrt(options: {
  peak: number;
  warmup: number;
  /** Default 0. */
  initial?: number;
}): Schedule {
  rejectUnknown("inverseSqrt", options, ["peak", "warmup", "initial"]);
  const { peak, warmup, initial = 0 } = options;
  checkFinite("inverseSqrt", { peak, initial });
  checkRange("inverseSqrt", "warmup", warmup, { above: 0 });
  return schedule((maths, step) => {
    const down = maths.mul(maths.pow(maths.div(warmup, maths.max(step, warmup)), 0.5), peak);
    return maths.ifLess(step, warmup, anneal(maths, "linear", step, warmup, initial, peak), down);
  });
}

/**
 * factor * dModel^-0.5 * min(t^-0.5, t * warmup^-1.5) with t = step + 1: the paper counts the first step as 1.
 * Vaswani and others, "Attention is all you need", 2017, equation 3.
 * @throws ConfigError unless dModel, warmup and factor are above 0.
 * @example adam(noam({ dModel: 512, warmup: 4000 }), { beta2: 0.98, epsilon: 1e-9 });
 */
export function noam(options: {
  /** Width of the model. */
  dModel: number;
  /** Steps. */
  warmup: number;
  /** Default 1. */
  factor?: number;
}): Schedule {
  rejectUnknown("noam", options, ["dModel", "warmup", "factor"]);
  const { dModel, warmup, factor = 1 } = options;
  for (const [name, value] of Object.entries({ dModel, warmup, factor })) {
    checkRange("noam", name, value, { above: 0 });
  }
  const unit = factor * dModel ** -0.5;
  return schedule((maths, step) => {
    const time = maths.add(step, 1);
    return maths.min(maths.mul(maths.pow(time, -0.5), unit), maths.mul(time, unit * warmup ** -1.5));
  });
}
