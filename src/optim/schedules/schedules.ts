/** The schedules: constant, linear, piecewise, step and exponential decay, warm-up with cosine. */
import { ConfigError } from "../../util/index.ts";
import type { Maths } from "./maths.ts";
import { type Schedule, schedule } from "./schedule.ts";

function positive(name: string, what: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value))) {
    throw new ConfigError(`${name}: ${what} must be above 0; got ${value}.`);
  }
}

/** `value` at every step. */
export function constant(value: number): Schedule {
  return schedule((maths, step) => maths.add(maths.mul(step, 0), value));
}

/**
 * A straight line: from + (to - from) * min(step / steps, 1). Upwards it is a warm-up.
 * @throws ConfigError unless steps > 0.
 */
export function linear(options: { from: number; to: number; steps: number }): Schedule {
  const { from, to, steps } = options;
  positive("linear", "steps", steps);
  return schedule((maths, step) =>
    maths.add(maths.mul(maths.min(maths.div(step, steps), 1), to - from), from),
  );
}

/**
 * values[i] from step boundaries[i - 1] on, values[0] before the first: one more value than boundaries, which increase.
 * @throws ConfigError otherwise.
 * @example piecewise({ values: [0.1, 0.01, 0.001], boundaries: [1000, 2000] });
 */
export function piecewise(options: { values: readonly number[]; boundaries: readonly number[] }): Schedule {
  const { values, boundaries } = options;
  const increasing = boundaries.every((at, i) => i === 0 || at > (boundaries[i - 1] as number));
  if (values.length !== boundaries.length + 1 || !increasing) {
    throw new ConfigError(
      `piecewise: there must be one more value than boundaries, and these must increase; got [${values}] and [${boundaries}].`,
    );
  }
  return schedule(<T>(maths: Maths<T>, step: T) => {
    let value = maths.add(maths.mul(step, 0), values.at(-1) as number);
    for (let i = boundaries.length - 1; i >= 0; i--) {
      value = maths.ifLess(step, boundaries[i] as number, values[i] as number, value);
    }
    return value;
  });
}

/**
 * initial * factor^floor(step / every).
 * @throws ConfigError unless every > 0 and factor > 0.
 */
export function stepDecay(options: { initial: number; factor: number; every: number }): Schedule {
  const { initial, factor, every } = options;
  positive("stepDecay", "every", every);
  positive("stepDecay", "factor", factor);
  return schedule((maths, step) =>
    maths.mul(maths.pow(factor, maths.floor(maths.div(step, every))), initial),
  );
}

/**
 * max(initial * rate^(step / steps), floor). A rate above 1 grows, as a learning-rate range test wants.
 * @throws ConfigError unless steps > 0 and rate > 0.
 */
export function exponentialDecay(options: {
  initial: number;
  rate: number;
  /** Steps in which the value changes by `rate`. Default 1. */
  steps?: number;
  floor?: number;
}): Schedule {
  const { initial, rate, steps = 1, floor } = options;
  positive("exponentialDecay", "steps", steps);
  positive("exponentialDecay", "rate", rate);
  return schedule((maths, step) => {
    const value = maths.mul(maths.pow(rate, maths.div(step, steps)), initial);
    return floor === undefined ? value : maths.max(value, floor);
  });
}

/**
 * A line from `initial` to `peak` over `warmup` steps, then half a cosine down to `end` at step `total`, and `end` from there:
 * end + (peak - end) (1 + cos(pi (step - warmup) / (total - warmup))) / 2. Loshchilov and Hutter, "SGDR", 2017.
 * @throws ConfigError unless 0 <= warmup < total.
 * @example adamW(warmupCosine({ peak: 3e-3, warmup: 200, total: 4000 }));
 */
export function warmupCosine(options: {
  peak: number;
  total: number;
  /** Default 0: cosine decay alone. */
  warmup?: number;
  /** Default 0. */
  initial?: number;
  /** Default 0. */
  end?: number;
}): Schedule {
  const { peak, total, warmup = 0, initial = 0, end = 0 } = options;
  if (!(warmup >= 0 && warmup < total)) {
    throw new ConfigError(
      `warmupCosine: warmup must be at least 0 and below total; got ${warmup} and ${total}.`,
    );
  }
  return schedule((maths, step) => {
    const part = maths.min(maths.div(maths.max(maths.sub(step, warmup), 0), total - warmup), 1);
    const down = maths.add(
      maths.mul(maths.add(maths.cos(maths.mul(part, Math.PI)), 1), (peak - end) / 2),
      end,
    );
    if (warmup === 0) return down;
    const up = maths.add(maths.mul(step, (peak - initial) / warmup), initial);
    return maths.ifLess(step, warmup, up, down);
  });
}
