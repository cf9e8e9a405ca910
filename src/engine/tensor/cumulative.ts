/** Running sums, products and extremes along an axis. */
import { normaliseAxis } from "../../util/index.ts";
import { apply, asNumeric } from "./apply.ts";
import { neg } from "./arithmetic.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

export interface CumulativeOptions {
  /** Run from the end of the axis. */
  readonly reverse?: boolean;
}

function cumulate(
  op: string,
  kind: "sum" | "max" | "prod",
  x: TensorLike,
  axis: number,
  { reverse = false }: CumulativeOptions,
): Tensor {
  const tensor = asNumeric(op, x);
  return apply("cumulate", [tensor], { kind, axis: normaliseAxis(op, axis, tensor.ndim), reverse });
}

/** y[i] = x[0] + ... + x[i] along `axis` (default the last). */
export const cumsum = (x: TensorLike, axis = -1, options: CumulativeOptions = {}): Tensor =>
  cumulate("cumsum", "sum", x, axis, options);

/** y[i] = x[0] * ... * x[i] along `axis` (default the last). */
export const cumprod = (x: TensorLike, axis = -1, options: CumulativeOptions = {}): Tensor =>
  cumulate("cumprod", "prod", x, axis, options);

/** y[i] = max(x[0], ..., x[i]) along `axis` (default the last); NaN stays once met. */
export const cummax = (x: TensorLike, axis = -1, options: CumulativeOptions = {}): Tensor =>
  cumulate("cummax", "max", x, axis, options);

/** y[i] = min(x[0], ..., x[i]) along `axis` (default the last); NaN stays once met. */
export const cummin = (x: TensorLike, axis = -1, options: CumulativeOptions = {}): Tensor =>
  neg(cumulate("cummin", "max", neg(x), axis, options));
