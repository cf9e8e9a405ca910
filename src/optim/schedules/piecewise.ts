/** Constant pieces: of given values, or each a factor of the one before. */
import { ConfigError, rejectUnknown } from "../../util/index.ts";
import { checkFinite, checkRange } from "../range.ts";
import { type Schedule, schedule } from "./schedule.ts";
import { pick } from "./shapes.ts";

const increasing = (steps: readonly number[]): boolean =>
  steps.every((at, i) => Number.isFinite(at) && (i === 0 || at > (steps[i - 1] as number)));

/**
 * values[i] from step boundaries[i - 1] on, values[0] before the first: one more value than boundaries, which increase.
 * Holds the last value.
 * @throws ConfigError otherwise.
 * @example piecewise({ values: [0.1, 0.01, 0.001], boundaries: [1000, 2000] });
 */
export function piecewise(options: { values: readonly number[]; boundaries: readonly number[] }): Schedule {
  rejectUnknown("piecewise", options, ["values", "boundaries"]);
  const { values, boundaries } = options;
  if (values.length !== boundaries.length + 1 || !increasing(boundaries)) {
    throw new ConfigError(
      `piecewise: there must be one more value than boundaries, and these must increase; got [${values}] and [${boundaries}].`,
    );
  }
  values.forEach((value, i) => {
    checkRange("piecewise", `values[${i}]`, value);
  });
  return schedule((maths, step) => pick(maths, step, values, boundaries), boundaries.at(-1));
}

/**
 * initial * factor^(number of milestones at or before the step). Holds the last value. PyTorch's MultiStepLR (gamma is `factor`).
 * @throws ConfigError unless factor > 0 and the milestones (steps) are above 0 and increase.
 * @example multiStep({ initial: 0.1, factor: 0.1, milestones: [30_000, 60_000] });
 */
export function multiStep(options: {
  initial: number;
  milestones: readonly number[];
  /** Default 0.1. */
  factor?: number;
}): Schedule {
  rejectUnknown("multiStep", options, ["initial", "milestones", "factor"]);
  const { initial, factor = 0.1, milestones } = options;
  checkFinite("multiStep", { initial });
  checkRange("multiStep", "factor", factor, { above: 0 });
  if (!increasing([0, ...milestones])) {
    throw new ConfigError(`multiStep: milestones must be above 0 and increase; got [${milestones}].`);
  }
  const values = Array.from({ length: milestones.length + 1 }, (_, i) => initial * factor ** i);
  return schedule((maths, step) => pick(maths, step, values, milestones), milestones.at(-1));
}

/**
 * initial * factor^floor(step / every), without an end. PyTorch's StepLR (step_size is `every`, in steps).
 * @throws ConfigError unless every > 0 and factor > 0.
 * @example stepDecay({ initial: 0.1, factor: 0.5, every: 1000 });
 */
export function stepDecay(options: { initial: number; factor: number; every: number }): Schedule {
  rejectUnknown("stepDecay", options, ["initial", "factor", "every"]);
  const { initial, factor, every } = options;
  checkFinite("stepDecay", { initial });
  checkRange("stepDecay", "every", every, { above: 0 });
  checkRange("stepDecay", "factor", factor, { above: 0 });
  return schedule((maths, step) =>
    maths.mul(maths.pow(factor, maths.floor(maths.div(step, every))), initial),
  );
}
