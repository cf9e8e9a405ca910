/** Decay along half a cosine. */
import { ConfigError, rejectUnknown } from "../../util/index.ts";
import { checkFinite, checkRange } from "../range.ts";
import { type Schedule, schedule } from "./schedule.ts";
import { anneal } from "./shapes.ts";

/**
 * end + (initial - end) (1 + cos(pi min(step / steps, 1))) / 2. Holds `end` after `steps` steps, where PyTorch's CosineAnnealingLR
 * would rise again. Loshchilov and Hutter, "SGDR", 2017, equation 5; optax's cosine_decay_schedule.
 * @throws ConfigError unless steps > 0 and the values are finite.
 * @example adamW(cosine({ initial: 3e-3, steps: 4000 }));
 */
export function cosine(options: {
  initial: number;
  steps: number;
  /** Default 0. */
  end?: number;
}): Schedule {
  rejectUnknown("cosine", options, ["initial", "steps", "end"]);
  const { initial, steps, end = 0 } = options;
  checkFinite("cosine", { initial, end });
  checkRange("cosine", "steps", steps, { above: 0 });
  return schedule((maths, step) => anneal(maths, "cos", step, steps, initial, end), steps);
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
  rejectUnknown("warmupCosine", options, ["peak", "total", "warmup", "initial", "end"]);
  const { peak, total, warmup = 0, initial = 0, end = 0 } = options;
  checkFinite("warmupCosine", { peak, initial, end, total });
  if (!(warmup >= 0 && warmup < total)) {
    throw new ConfigError(
      `warmupCosine: warmup must be at least 0 and below total; got ${warmup} and ${total}.`,
    );
  }
  return schedule((maths, step) => {
    if (warmup === 0) return anneal(maths, "cos", step, total, peak, end);
    const up = anneal(maths, "linear", step, warmup, initial, peak);
    const down = anneal(maths, "cos", maths.sub(step, warmup), total - warmup, peak, end);
    return maths.ifLess(step, warmup, up, down);
  }, total);
}
