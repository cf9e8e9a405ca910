/** Schedules written in epochs, samples or seconds: pure conversions of the step. */
import { rejectUnknown } from "../../util/index.ts";
import { checkRange } from "../range.ts";
import { type Schedule, schedule } from "./schedule.ts";

/**
 * A schedule whose step is an epoch: schedule(step / stepsPerEpoch), or of the floor of it with `whole`, as where PyTorch's schedulers
 * are stepped once an epoch. Holds what the schedule holds.
 * @throws ConfigError unless stepsPerEpoch > 0.
 * @example byEpoch(multiStep({ initial: 0.1, milestones: [30, 60] }), { stepsPerEpoch: 391 });
 */
export function byEpoch(
  inner: Schedule,
  options: {
    stepsPerEpoch: number;
    /** Constant inside an epoch. Default false. */
    whole?: boolean;
  },
): Schedule {
  rejectUnknown("byEpoch", options, ["stepsPerEpoch", "whole"]);
  const { stepsPerEpoch, whole = false } = options;
  checkRange("byEpoch", "stepsPerEpoch", stepsPerEpoch, { above: 0 });
  return schedule(
    (maths, step) => {
      const epoch = maths.div(step, stepsPerEpoch);
      return maths.at(inner, whole ? maths.floor(epoch) : epoch);
    },
    stretched(whole && inner.end !== undefined ? Math.ceil(inner.end) : inner.end, stepsPerEpoch),
  );
}

/**
 * A schedule whose step is a sample (or a token, with a batch's tokens as `batchSize`): schedule(step * batchSize), where the first
 * batch is sample 0. Holds what the schedule holds.
 * @throws ConfigError unless batchSize > 0.
 * @example bySamples(cosine({ initial: 0.1, steps: 5_000_000 }), { batchSize: 128 });
 */
export function bySamples(inner: Schedule, options: { batchSize: number }): Schedule {
  rejectUnknown("bySamples", options, ["batchSize"]);
  const { batchSize } = options;
  checkRange("bySamples", "batchSize", batchSize, { above: 0 });
  return schedule(
    (maths, step) => maths.at(inner, maths.mul(step, batchSize)),
    stretched(inner.end, 1 / batchSize),
  );
}

/**
 * A schedule whose step is a second, at a nominal pace: schedule(step * secondsPerStep). The clock itself would make a resumed run
 * differ from one that never stopped. Holds what the schedule holds.
 * @throws ConfigError unless secondsPerStep > 0.
 * @example bySeconds(linear({ from: 0.1, to: 0, steps: 3600 }), { secondsPerStep: 0.02 });
 */
export function bySeconds(inner: Schedule, options: { secondsPerStep: number }): Schedule {
  rejectUnknown("bySeconds", options, ["secondsPerStep"]);
  const { secondsPerStep } = options;
  checkRange("bySeconds", "secondsPerStep", secondsPerStep, { above: 0 });
  return schedule(
    (maths, step) => maths.at(inner, maths.mul(step, secondsPerStep)),
    stretched(inner.end, 1 / secondsPerStep),
  );
}

/** An end in another unit, if there is one. */
const stretched = (end: number | undefined, steps: number): number | undefined =>
  end === undefined ? undefined : end * steps;
