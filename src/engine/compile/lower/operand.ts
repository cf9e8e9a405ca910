/** Operands: values seen through movement ops, and what is special about some of them. */
import { InternalError, sizeOf } from "../../../util/index.ts";
import type { Aval, DType, Node } from "../../ir/index.ts";
import {
  expandView,
  identityView,
  isIdentity,
  padView,
  permuteView,
  reshapeView,
  sliceView,
  type View,
} from "../view.ts";
import { computes, type Operand, type Value } from "./units.ts";

const at = (list: readonly number[], index: number): number => list[index] as number;

/** A value as it lies in memory. */
export const whole = (value: Value): Operand => ({
  kind: "value",
  value,
  view: identityView(value.aval.shape),
});

/**
 * Whether the operand is a value as it lies in memory, all of it: the first elements of a larger one are in its order too, but its
 * memory is not theirs.
 */
export function isWhole(operand: Operand): operand is Operand & { kind: "value" } {
  if (operand.kind !== "value" || !isIdentity(operand.view)) return false;
  return sizeOf(operand.view.shape) === sizeOf(operand.value.aval.shape);
}

/** The type it has in memory. */
export const typeOf = (operand: Operand): DType =>
  operand.kind === "value" ? operand.value.aval.dtype : operand.dtype;

/** Whether it is in memory as the type it is computed with: a widening cast leaves it narrow. */
export const hasType = (operand: Operand, aval: Aval): boolean => typeOf(operand) === aval.dtype;

/**
 * When an operand is all of a kernel's or contraction's result in another order: its axes in the order of that result, so that the
 * copy can be that kernel's store instead of a load of its own.
 */
export function rearranged(
  operand: Operand,
): { readonly value: Value; readonly axes: readonly number[] } | null {
  if (operand.kind !== "value" || isIdentity(operand.view)) return null;
  const { value, view } = operand;
  const op = value.unit.node?.op;
  const stores =
    computes(value.unit) ||
    op === "matmul" ||
    op === "conv" ||
    op === "convInputGrad" ||
    op === "convFilterGrad";
  if (!stores || view.offset !== 0 || view.guard !== null) return null;
  const axes = view.shape.map((_, axis) => axis).filter((axis) => view.shape[axis] !== 1);
  axes.sort((p, q) => at(view.strides, q) - at(view.strides, p));
  let stride = 1;
  for (const axis of [...axes].reverse()) {
    if (at(view.strides, axis) !== stride) return null;
    stride *= at(view.shape, axis);
  }
  return stride === sizeOf(value.aval.shape) ? { value, axes } : null;
}

/** The view through one movement op, or null where it does not compose. */
export function moved(node: Node, view: View): View | null {
  const { shape } = node.aval;
  switch (node.op) {
    case "reshape":
      return reshapeView(view, shape);
    case "permute":
      return permuteView(view, node.attrs.perm);
    case "expand":
      return expandView(view, shape);
    case "slice":
      return sliceView(view, node.attrs.start, node.attrs.step, shape);
    case "pad":
      return padView(view, node.attrs.lo, node.attrs.hi, node.attrs.value);
    default:
      throw new InternalError(`compile: ${node.op} is not a movement`);
  }
}
