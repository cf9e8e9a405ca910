/** What a derivative rule is given and gives, and small helpers the rules share. */
import type { Shape } from "../../../util/index.ts";
import { type Attrs, isFloat, type Node, type Op } from "../../ir/index.ts";
import { build as b } from "../builder.ts";

/** One per input; null where no gradient flows. */
export type Grads = readonly (Node | null)[];

/** Ops with several results: their rules take a cotangent and a node per result. */
export type MultiOp = "composite" | "loop";

/** Gradients of `outs`, given their cotangents, with respect to `wrt`. */
export type Backward = (outs: readonly Node[], cotangents: Grads, wrt: readonly Node[]) => Grads;

/**
 * From the cotangent `g` of the result `y`, the gradients of the inputs `x`; only those in `needed` are looked at.
 * Rules are pure, build nodes only, and are differentiable themselves.
 */
export type Vjp<K extends Op> = K extends MultiOp
  ? (
      gs: Grads,
      x: readonly Node[],
      ys: readonly Node[],
      attrs: Attrs[K],
      needed: readonly boolean[],
      backward: Backward,
    ) => Grads
  : (g: Node, x: readonly Node[], y: Node, attrs: Attrs[K], needed: readonly boolean[]) => Grads;

/** null: the derivative is zero everywhere, or there is none (integers, bool). */
export type VjpTable<K extends Op> = { readonly [P in K]: Vjp<P> | null };

export const input = (x: readonly Node[], index: number): Node => x[index] as Node;
export const differentiable = (node: Node): boolean => isFloat(node.aval.dtype);

/** Runs `compute` in f32 and casts back: f16 and bf16 only store. */
export function inF32(g: Node, compute: (g: Node) => Node): Node {
  return b.cast(compute(b.cast(g, "f32")), g.aval.dtype);
}

/** The sum of two gradients. */
export const accumulate = (a: Node, c: Node): Node => inF32(a, (sum) => b.add(sum, b.cast(c, "f32")));

/** Puts reduced axes back: each value again at every place it was reduced from. */
export function spread(g: Node, axes: readonly number[], shape: Shape): Node {
  const ones = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  return b.expand(b.reshape(g, ones), shape);
}

/** `values` with the entry of `axis` replaced. */
export const withAxis = (values: Shape, axis: number, value: number): number[] =>
  values.map((old, other) => (other === axis ? value : old));

export const zeros = (shape: Shape): number[] => shape.map(() => 0);
export const ones = (shape: Shape): number[] => shape.map(() => 1);

/** The elements from `start`, `count` of them, along one axis. */
export function cut(x: Node, axis: number, start: number, count: number): Node {
  const { shape } = x.aval;
  return b.slice(x, withAxis(zeros(shape), axis, start), ones(shape), withAxis(shape, axis, count));
}

/** Moves everything by `by` places along `axis` (towards the end when positive), `value` coming in. */
export function shift(x: Node, axis: number, by: number, value: number): Node {
  const none = zeros(x.aval.shape);
  return b.pad(x, withAxis(none, axis, by), withAxis(none, axis, -by), none, value);
}
