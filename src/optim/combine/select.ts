/** What the combinations share: choosing between states, and counting steps. */
import { type Tensor, tensor, where } from "../../engine/tensor/index.ts";
import { ConfigError } from "../../util/index.ts";
import { mapTensors, type TensorTree } from "../optimizer.ts";

/** The leaves of `yes` where the 0-d condition holds, else those of `no`. */
export function select<T extends TensorTree>(op: string, condition: Tensor, yes: T, no: T): T {
  return mapTensors(op, (a, b) => where(condition, a, b as Tensor), yes, no);
}

/** Steps taken so far, at the start. */
export const noSteps = (device: string): Tensor => tensor(0, { dtype: "i32", device });

/** Throws ConfigError unless the value is a whole number of at least `least`. */
export function requireWhole(op: string, name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new ConfigError(`${op}: ${name} must be a whole number of at least ${least}; got ${value}.`);
}
