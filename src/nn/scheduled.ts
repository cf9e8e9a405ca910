/** Numbers of layers that may follow the step: rates of dropout, strengths of noise. */
import type { Tensor } from "../engine/tensor/index.ts";
import { ConfigError } from "../util/index.ts";
import type { Context } from "./context.ts";

/** A number, or a pure function of the step (0-d i32, 0 for the first) such as the schedules of nabla/optim, giving 0-d f32. */
export type Scheduled = number | ((step: Tensor) => Tensor);

/**
 * The value in this pass: the number itself, or a 0-d tensor.
 * @throws ConfigError for a schedule when the context does not say the step.
 */
export function scheduledValue(op: string, name: string, value: Scheduled, ctx: Context): number | Tensor {
  if (typeof value === "number") return value;
  if (ctx.step !== undefined) return value(ctx.step);
  throw new ConfigError(
    `${op}: ${name} follows a schedule, so the context must say the step; it does not. Pass context({ train: true, key, step }).`,
  );
}

/** Throws ConfigError for a number for which `holds` is false; a schedule's values are known only in the step. */
export function checkScheduled(
  op: string,
  name: string,
  value: Scheduled,
  must: string,
  holds: (value: number) => boolean,
): void {
  if (typeof value === "function" || (typeof value === "number" && holds(value))) return;
  throw new ConfigError(`${op}: ${name} must be ${must}; got ${value}.`);
}
