/** The schedule that does not change. */
import { checkFinite } from "../range.ts";
import { type Schedule, schedule } from "./schedule.ts";

/**
 * `value` at every step.
 * @throws ConfigError unless it is finite.
 * @example sgd(constant(0.1));
 */
export function constant(value: number): Schedule {
  checkFinite("constant", { value });
  return schedule((maths, step) => maths.add(maths.mul(step, 0), value));
}
