/** From one value to another in a number of steps: by a line, or by a power of what is left. */
import { rejectUnknown } from "../../util/index.ts";
import { checkFinite, checkRange } from "../range.ts";
import { type Schedule, schedule } from "./schedule.ts";
import { anneal } from "./shapes.ts";

/**
 * A straight line: from + (to - from) * min(step / steps, 1). Upwards it is a warm-up. Holds `to` after `steps` steps.
 * PyTorch's LinearLR, optax's linear_schedule.
 * @throws ConfigError unless steps > 0 and the values are finite.
 * @example linear({ from: 0.1, to: 0, steps: 10_000 });
 */
export function linear(options: { from: number; to: number; steps: number }): Schedule {
  rejectUnknown("linear", options, ["from", "to", "steps"]);
  const { from, to, steps } = options;
  checkFinite("linear", { from, to });
  checkRange("linear", "steps", steps, { above: 0 });
  return schedule((maths, step) => anneal(maths, "linear", step, steps, from, to), steps);
}

/**
 * to + (from - to) * (1 - min(step / steps, 1))^power. Holds `to` after `steps` steps.
 * PyTorch's PolynomialLR where `to` is 0, optax's polynomial_schedule.
 * @throws ConfigError unless steps > 0, power > 0 and the values are finite.
 * @example polynomial({ from: 0.01, power: 2, steps: 10_000 });
 */
export function polynomial(options: {
  from: number;
  steps: number;
  /** Default 0. */
  to?: number;
  /** Default 1: a line. */
  power?: number;
}): Schedule {
  rejectUnknown("polynomial", options, ["from", "steps", "to", "power"]);
  const { from, to = 0, power = 1, steps } = options;
  checkFinite("polynomial", { from, to });
  checkRange("polynomial", "power", power, { above: 0 });
  checkRange("polynomial", "steps", steps, { above: 0 });
  return schedule((maths, step) => {
    const left = maths.div(maths.sub(steps, maths.min(step, steps)), steps);
    const value = maths.mul(maths.pow(left, power), from - to);
    return to === 0 ? value : maths.add(value, to);
  }, steps);
}
