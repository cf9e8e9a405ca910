/** Which steps measure themselves: a function of the step alone, so that equal runs, resumed ones too, measure the same. */
import { ConfigError } from "../util/index.ts";
import type { Callback } from "./events.ts";
import { rejectUnknown, wholeNumber } from "./options.ts";

export interface TelemetryOptions {
  /**
   * Steps from one that measures itself to the next. Default: 50 in the first 2,000 steps, then 100, and twice as many whenever the run is
   * twice as long, up to 800.
   */
  readonly every?: number;
}

/** Steps from this one, should it measure itself, to the next that does. It divides the steps at which it changes. */
export type TelemetrySteps = (step: number) => number;

const FIRST = 50;
const MOST = 800;

/**
 * A measuring step costs about as much as a plain one and breaks the native call of many steps in two, which is 2 % of tiny steps every 50
 * and nothing every 800. How a run goes is seen as well by 20 to 40 measurements in its latter half.
 */
export const growingSteps: TelemetrySteps = (step) => {
  let every = FIRST;
  while (every < MOST && step >= 40 * every) every *= 2;
  return every;
};

/** How often steps measure themselves; null for never. Throws ConfigError for wrong options. */
export function telemetrySteps(
  options: TelemetryOptions | false | undefined,
  callbacks: readonly Callback[],
): TelemetrySteps | null {
  if (options === false) return null;
  if (options === undefined)
    return callbacks.some(({ telemetry }) => telemetry !== undefined) ? growingSteps : null;
  if (typeof options !== "object" || options === null) {
    throw new ConfigError(`Trainer: telemetry must be { every } or false; got ${String(options)}.`);
  }
  rejectUnknown("Trainer: telemetry", options, ["every"]);
  if (options.every === undefined) return growingSteps;
  const every = wholeNumber("Trainer: telemetry", "every", options.every, 1);
  return () => every;
}
