/** Another schedule's value, changed. */
import { ConfigError, rejectUnknown } from "../../util/index.ts";
import { checkFinite } from "../range.ts";
import { type Schedule, schedule } from "./schedule.ts";
import { pick } from "./shapes.ts";

/**
 * factor * schedule(step). Holds what the schedule holds.
 * @throws ConfigError unless the factor is finite.
 * @example scale(cosine({ initial: 0.1, steps: 4000 }), 256 / 32);
 */
export function scale(inner: Schedule, factor: number): Schedule {
  checkFinite("scale", { factor });
  return schedule((maths, step) => maths.mul(maths.at(inner, step), factor), inner.end);
}

/**
 * min(max(schedule(step), options.min), options.max); a limit that is left out does not hold.
 * @throws ConfigError unless there is a limit, the limits are finite and min <= max.
 * @example clamp(inverseTime({ initial: 0.1, decay: 0.01 }), { min: 1e-4 });
 */
export function clamp(inner: Schedule, options: { min?: number; max?: number }): Schedule {
  rejectUnknown("clamp", options, ["min", "max"]);
  const { min, max } = options;
  if (min === undefined && max === undefined) {
    throw new ConfigError("clamp: there must be a min or a max; got neither.");
  }
  if (min !== undefined) checkFinite("clamp", { min });
  if (max !== undefined) checkFinite("clamp", { max });
  if (min !== undefined && max !== undefined && min > max) {
    throw new ConfigError(`clamp: min must be at most max; got ${min} and ${max}.`);
  }
  return schedule((maths, step) => {
    let value = maths.at(inner, step);
    if (min !== undefined) value = maths.max(value, min);
    if (max !== undefined) value = maths.min(value, max);
    return value;
  }, inner.end);
}

const powers = Array.from({ length: 25 }, (_, i) => 2 ** i);
const between = powers.slice(1).map((power) => power / Math.SQRT2);

/**
 * The power of two from 1 to 2^24 that is nearest to schedule(step) as a ratio: for batch sizes, which are to be few. Holds what the
 * schedule holds.
 * @example powersOfTwo(exponentialGrowth({ from: 32, to: 1024, steps: 5000 }));
 */
export function powersOfTwo(inner: Schedule): Schedule {
  return schedule((maths, step) => pick(maths, maths.at(inner, step), powers, between), inner.end);
}
