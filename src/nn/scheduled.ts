/** Numbers of layers that may follow the step: rates of dropout, strengths of noise. */
import { checkScheduled, type Scheduled, type Tensor } from "../engine/tensor/index.ts";
import { ConfigError } from "../util/index.ts";
import type { Context } from "./context.ts";

export { checkScheduled, type Scheduled };

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
