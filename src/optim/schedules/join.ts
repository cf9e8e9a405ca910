/** Schedules one after another. */
import { ConfigError } from "../../util/index.ts";
import { checkRange } from "../range.ts";
import { type Schedule, schedule } from "./schedule.ts";
import { pick } from "./shapes.ts";

/**
 * The schedules one after another, each for its number of steps and the last without an end, which holds what it holds. Each counts
 * its steps from its own start, also in a join inside a join: nothing depends on which steps were asked for before.
 * PyTorch's SequentialLR, optax's join_schedules.
 * @throws ConfigError unless the parts' steps are above 0 and the last part is a schedule alone.
 * @example join([[linear({ from: 0, to: 0.1, steps: 500 }), 500], cosine({ initial: 0.1, steps: 9500 })]);
 */
export function join(
  parts: readonly [...parts: (readonly [schedule: Schedule, steps: number])[], last: Schedule],
): Schedule {
  const last = parts.at(-1);
  if (typeof last !== "function") {
    throw new ConfigError(
      `join: the last part must be a schedule without a number of steps; got ${last === undefined ? "no parts" : "a pair"}.`,
    );
  }
  const schedules: Schedule[] = [];
  const starts = [0];
  for (const [i, part] of parts.slice(0, -1).entries()) {
    if (!Array.isArray(part) || typeof part[0] !== "function") {
      throw new ConfigError(`join: parts[${i}] must be [schedule, steps]; got ${typeof part}.`);
    }
    checkRange("join", `steps of parts[${i}]`, part[1], { above: 0 });
    schedules.push(part[0]);
    starts.push((starts[i] as number) + part[1]);
  }
  schedules.push(last);
  return schedule(
    (maths, step) => {
      // All are computed and one is picked: before its start a schedule is asked for its step 0.
      const values = schedules.map((at, i) =>
        maths.at(at, i === 0 ? step : maths.max(maths.sub(step, starts[i] as number), 0)),
      );
      return pick(maths, step, values, starts.slice(1));
    },
    last.end === undefined ? undefined : (starts.at(-1) as number) + last.end,
  );
}
