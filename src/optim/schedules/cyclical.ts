/** A triangle wave between two values. */
import { ConfigError, rejectUnknown } from "../../util/index.ts";
import { checkFinite, checkRange } from "../range.ts";
import type { Maths } from "./maths.ts";
import { type Schedule, schedule } from "./schedule.ts";

const MODES = ["triangular", "triangular2", "expRange"] as const;

/**
 * base + (max - base) * triangle * height: the triangle goes from 0 to 1 in `stepSizeUp` steps and back in `stepSizeDown`, again and
 * again; the height is 1 ("triangular"), 2^-cycle with cycles counted from 0 ("triangular2"), or gamma^step ("expRange").
 * Goes on for ever. With the larger value as `base` it is the momentum's cycle, which falls where the rate rises.
 * Smith, "Cyclical learning rates for training neural networks", 2017; PyTorch's CyclicLR.
 * @throws ConfigError unless the step sizes and gamma are above 0, the values finite and the mode known.
 * @example
 * const rate = cyclical({ base: 1e-4, max: 1e-2, stepSizeUp: 2000, mode: "triangular2" });
 * const momentum = cyclical({ base: 0.9, max: 0.8, stepSizeUp: 2000, mode: "triangular2" });
 * sgd(rate, { momentum });
 */
export function cyclical(options: {
  base: number;
  max: number;
  /** Steps. Default 2000. */
  stepSizeUp?: number;
  /** Steps. Default `stepSizeUp`. */
  stepSizeDown?: number;
  /** Default "triangular". */
  mode?: (typeof MODES)[number];
  /** Of "expRange": the factor of the height at each step. Default 1. */
  gamma?: number;
}): Schedule {
  rejectUnknown("cyclical", options, ["base", "max", "stepSizeUp", "stepSizeDown", "mode", "gamma"]);
  const {
    base,
    max,
    stepSizeUp: up = 2000,
    stepSizeDown: down = up,
    mode = "triangular",
    gamma = 1,
  } = options;
  checkFinite("cyclical", { base, max });
  checkRange("cyclical", "stepSizeUp", up, { above: 0 });
  checkRange("cyclical", "stepSizeDown", down, { above: 0 });
  checkRange("cyclical", "gamma", gamma, { above: 0 });
  if (!MODES.includes(mode)) {
    throw new ConfigError(`cyclical: mode must be one of ${MODES.join(", ")}; got ${mode}.`);
  }
  const period = up + down;
  return schedule(<T>(maths: Maths<T>, step: T) => {
    const cycle = maths.floor(maths.div(step, period));
    const at = maths.sub(step, maths.mul(cycle, period));
    const triangle = maths.ifLess(at, up, maths.div(at, up), maths.div(maths.sub(period, at), down));
    let height = maths.mul(triangle, max - base);
    if (mode === "triangular2") height = maths.mul(height, maths.pow(0.5, cycle));
    if (mode === "expRange" && gamma !== 1) height = maths.mul(height, maths.pow(gamma, step));
    return maths.add(height, base);
  });
}
