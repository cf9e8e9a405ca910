/** One rise and one long fall of the learning rate, and the momentum that goes against it. */
import { ConfigError, rejectUnknown } from "../../util/index.ts";
import { checkFinite, checkRange } from "../range.ts";
import { type Schedule, schedule } from "./schedule.ts";
import { type Anneal, anneal, pick } from "./shapes.ts";

/** What the rate and the momentum of one cycle have in common. */
export interface OneCycleOptions {
  /** Steps of the run. */
  total: number;
  /** The rise's part of the run. Default 0.3. */
  pctStart?: number;
  /** Default "cos". */
  anneal?: Anneal;
  /** The way down again is as long as the rise, and a third phase goes on to the lowest value. Default false. */
  threePhase?: boolean;
}

/** From values[i] to values[i + 1] in phase i; with two phases the last value but one is left out. */
function phases(op: string, options: OneCycleOptions, low: number, high: number, last: number): Schedule {
  const { total, pctStart = 0.3, anneal: shape = "cos", threePhase = false } = options;
  checkRange(op, "total", total, { above: 1 });
  checkRange(op, "pctStart", pctStart, { above: 0, below: 1 });
  if (shape !== "cos" && shape !== "linear") {
    throw new ConfigError(`${op}: anneal must be one of cos, linear; got ${shape}.`);
  }
  const rise = pctStart * total - 1;
  const ends = threePhase ? [rise, 2 * rise, total - 1] : [rise, total - 1];
  const values = threePhase ? [low, high, low, last] : [low, high, last];
  if (!ends.every((end, i) => end > (ends[i - 1] ?? 0))) {
    throw new ConfigError(
      `${op}: the phases must end at steps above 0 that increase; got [${ends}] of total ${total} and pctStart ${pctStart}.`,
    );
  }
  return schedule((maths, step) => {
    const parts = ends.map((end, i) => {
      const start = ends[i - 1] ?? 0;
      const at = i === 0 ? step : maths.sub(step, start);
      return anneal(maths, shape, at, end - start, values[i] as number, values[i + 1] as number);
    });
    return pick(maths, step, parts, ends.slice(0, -1));
  }, total - 1);
}

/**
 * The learning rate of one cycle: from peak / divFactor up to `peak` at step pctStart * total - 1, then down to
 * peak / divFactor / finalDivFactor at the run's last step, total - 1, and held from there. `threePhase` goes back to
 * peak / divFactor at step 2 (pctStart * total - 1) first. Smith and Topin, "Super-convergence", 2018; PyTorch's OneCycleLR.
 * @throws ConfigError unless total > 1, 0 < pctStart < 1, the factors are above 0 and every phase has a length.
 * @example sgd(oneCycle({ peak: 0.1, total: 10_000 }), { momentum: oneCycleMomentum({ total: 10_000 }) });
 */
export function oneCycle(
  options: OneCycleOptions & {
    peak: number;
    /** Default 25. */
    divFactor?: number;
    /** Default 1e4. */
    finalDivFactor?: number;
  },
): Schedule {
  rejectUnknown("oneCycle", options, [
    "peak",
    "total",
    "pctStart",
    "anneal",
    "threePhase",
    "divFactor",
    "finalDivFactor",
  ]);
  const { peak, divFactor = 25, finalDivFactor = 1e4 } = options;
  checkFinite("oneCycle", { peak });
  checkRange("oneCycle", "divFactor", divFactor, { above: 0 });
  checkRange("oneCycle", "finalDivFactor", finalDivFactor, { above: 0 });
  const initial = peak / divFactor;
  return phases("oneCycle", options, initial, peak, initial / finalDivFactor);
}

/**
 * The momentum (or Adam's beta1) of one cycle: `max` where the rate starts and ends, `base` at its peak; see `oneCycle`, whose
 * `total`, `pctStart`, `anneal` and `threePhase` it should share. Holds `max` after step total - 1.
 * @throws ConfigError unless total > 1, 0 < pctStart < 1, the values are finite and every phase has a length.
 * @example adamW(oneCycle({ peak: 0.01, total: 500 }), { beta1: oneCycleMomentum({ total: 500 }) });
 */
export function oneCycleMomentum(
  options: OneCycleOptions & {
    /** Default 0.85. */
    base?: number;
    /** Default 0.95. */
    max?: number;
  },
): Schedule {
  rejectUnknown("oneCycleMomentum", options, ["base", "max", "total", "pctStart", "anneal", "threePhase"]);
  const { base = 0.85, max = 0.95 } = options;
  checkFinite("oneCycleMomentum", { base, max });
  return phases("oneCycleMomentum", options, max, base, max);
}
