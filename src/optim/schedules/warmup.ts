/** A warm-up before any schedule. */
import { rejectUnknown } from "../../util/index.ts";
import { checkRange } from "../range.ts";
import { type Schedule, schedule } from "./schedule.ts";
import { anneal } from "./shapes.ts";

/**
 * The schedule times a line from `from` to 1 over `steps` steps, and the schedule itself from there. Its own step 0 is the first step
 * after the warm-up, so that the ramp leads up to its first value and all of it is seen; with `overlap` it counts from the run's first
 * step, also under the ramp, and ends when it would have ended without one. Holds what the schedule holds.
 * Goyal and others, "Accurate, large minibatch SGD", 2017, section 2.2.
 * @throws ConfigError unless steps > 0 and `from` is at least 0.
 * @example adamW(warmup(cosine({ initial: 3e-3, steps: 4000 }), { steps: 200 }));
 */
export function warmup(
  inner: Schedule,
  options: {
    steps: number;
    /** The first step's part of the value. Default 0. */
    from?: number;
    /** Default false. */
    overlap?: boolean;
  },
): Schedule {
  rejectUnknown("warmup", options, ["steps", "from", "overlap"]);
  const { steps, from = 0, overlap = false } = options;
  checkRange("warmup", "steps", steps, { above: 0 });
  checkRange("warmup", "from", from, { min: 0 });
  return schedule(
    (maths, step) => {
      const own = overlap ? step : maths.max(maths.sub(step, steps), 0);
      return maths.mul(maths.at(inner, own), anneal(maths, "linear", step, steps, from, 1));
    },
    ending(inner.end, steps, overlap),
  );
}

const ending = (end: number | undefined, steps: number, overlap: boolean): number | undefined => {
  if (end === undefined) return undefined;
  return overlap ? Math.max(end, steps) : end + steps;
};
