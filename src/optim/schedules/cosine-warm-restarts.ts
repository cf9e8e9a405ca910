/** Cosine decay that starts again. */
import { ConfigError, rejectUnknown } from "../../util/index.ts";
import { checkFinite, checkRange } from "../range.ts";
import type { Maths } from "./maths.ts";
import { type Schedule, schedule } from "./schedule.ts";
import { anneal, pick } from "./shapes.ts";

/** Steps are i32: no cycle starts later. */
const LAST_STEP = 2 ** 31;

/**
 * Cosine decay from `initial` to `end` in `period` steps, again and again. Cycle n lasts period * growth^n steps and starts from
 * end + (initial - end) * factor^n; t steps into a cycle of length T the value is end + (start - end) (1 + cos(pi t / T)) / 2.
 * Goes on for ever. Loshchilov and Hutter, "SGDR", 2017; PyTorch's CosineAnnealingWarmRestarts (T_0 is `period`, T_mult `growth`).
 * @throws ConfigError unless period > 0, growth is a whole number of at least 1 and factor > 0.
 * @example sgd(cosineWarmRestarts({ initial: 0.05, period: 1000, growth: 2, factor: 0.8 }));
 */
export function cosineWarmRestarts(options: {
  initial: number;
  period: number;
  /** Default 0. */
  end?: number;
  /** Of the length, at each restart. Default 1. */
  growth?: number;
  /** Of the height, at each restart. Default 1. */
  factor?: number;
}): Schedule {
  rejectUnknown("cosineWarmRestarts", options, ["initial", "period", "end", "growth", "factor"]);
  const { initial, period, end = 0, growth = 1, factor = 1 } = options;
  checkFinite("cosineWarmRestarts", { initial, end });
  checkRange("cosineWarmRestarts", "period", period, { above: 0 });
  checkRange("cosineWarmRestarts", "factor", factor, { above: 0 });
  if (!(Number.isInteger(growth) && growth >= 1)) {
    throw new ConfigError(`cosineWarmRestarts: growth must be a whole number of at least 1; got ${growth}.`);
  }
  if (growth === 1) {
    return schedule((maths, step) => {
      const cycle = maths.floor(maths.div(step, period));
      const at = maths.sub(step, maths.mul(cycle, period));
      if (factor === 1) return anneal(maths, "cos", at, period, initial, end);
      const start = maths.add(maths.mul(maths.pow(factor, cycle), initial - end), end);
      return anneal(maths, "cos", at, period, start, end);
    });
  }
  // Cycles that grow are few, so they are listed: a logarithm in f32 would miss restarts by a step.
  const starts: number[] = [];
  const lengths: number[] = [];
  for (let at = 0, length = period; at < LAST_STEP; at += length, length *= growth) {
    starts.push(at);
    lengths.push(length);
  }
  const heights = starts.map((_, cycle) => end + (initial - end) * factor ** cycle);
  const restarts = starts.slice(1);
  return schedule(<T>(maths: Maths<T>, step: T) => {
    const at = maths.sub(step, pick(maths, step, starts, restarts));
    const start = factor === 1 ? initial : pick(maths, step, heights, restarts);
    return anneal(maths, "cos", at, pick(maths, step, lengths, restarts), start, end);
  });
}
