/** Numbers that may follow the step of training: rates of dropout, strengths of noise and of augmentation. */
import { ConfigError } from "../../util/index.ts";
import type { Tensor } from "./tensor.ts";

/** A number, or a pure function of the step (0-d i32, 0 for the first) such as the schedules of nabla/optim, giving 0-d f32. */
export type Scheduled = number | ((step: Tensor) => Tensor);

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
