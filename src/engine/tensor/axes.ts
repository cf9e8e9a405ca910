/** Reducing over axes: what all reductions share. */
import { normaliseAxes } from "../../util/index.ts";
import { apply } from "./apply.ts";
import type { Tensor } from "./tensor.ts";

/** One axis, several, or all (undefined or null); negative ones count from the end. */
export type Axes = number | readonly number[] | null | undefined;

export interface KeepDims {
  /** Keep the reduced axes with size 1. */
  readonly keepDims?: boolean;
}

/** The primitive, then the shape with or without the reduced axes. */
export function reduceOver(
  op: string,
  kind: "sum" | "max" | "min" | "prod",
  x: Tensor,
  axes: Axes,
  options: KeepDims,
): Tensor {
  const list = normaliseAxes(op, axes ?? undefined, x.ndim);
  if (list.length === 0) return x;
  const result = apply("reduce", [x], { kind, axes: list });
  return options.keepDims ? keepAxes(result, x, list) : result;
}

/** A reduction's result with the reduced axes of x at size 1. */
export function keepAxes(result: Tensor, x: Tensor, axes: readonly number[]): Tensor {
  return apply(
    "reshape",
    [result],
    {},
    x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size)),
  );
}
