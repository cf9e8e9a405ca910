/** Derivatives of reductions and scans. */
import { sizeOf } from "../../../util/index.ts";
import type { Node } from "../../ir/index.ts";
import { build as b } from "../builder.ts";
import { input, shift, spread, type VjpTable } from "./rule.ts";

const scan = (kind: "sum" | "max" | "prod", x: Node, axis: number, reverse: boolean): Node =>
  b.make("cumulate", [x], { kind, axis, reverse });

/** The product of all elements before each one along `axis` (after it, when `reverse`). */
const exclusiveProduct = (x: Node, axis: number, reverse: boolean): Node =>
  scan("prod", shift(x, axis, reverse ? -1 : 1, 1), axis, reverse);

/** The extremes share the gradient equally. */
function gradExtreme(g: Node, x: Node, y: Node, axes: readonly number[]): Node {
  const { shape } = x.aval;
  const hit = b.eq(x, spread(y, axes, shape));
  const count = b.sum(b.cast(hit, "f32"), axes);
  return b.where(hit, spread(b.div(g, count), axes, shape), b.fill(x, 0));
}

/** Product of all others, without dividing: right at zeros, and differentiable again. */
function gradProduct(g: Node, x: Node, axes: readonly number[]): Node {
  const { shape } = x.aval;
  const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const perm = [...kept, ...axes];
  const outer = kept.map((axis) => shape[axis] as number);
  const flat = [...outer, sizeOf(axes.map((axis) => shape[axis] as number))];
  const last = outer.length;
  const rows = b.reshape(b.permute(x, perm), flat);
  const others = b.mul(exclusiveProduct(rows, last, false), exclusiveProduct(rows, last, true));
  const moved = perm.map((axis) => shape[axis] as number);
  const inverse = perm.map((_, axis) => perm.indexOf(axis));
  return b.mul(spread(g, axes, shape), b.permute(b.reshape(others, moved), inverse));
}

/**
 * dx[i] = (product before i) * s[i] where s[i] = g[i] + x[i+1] * s[i+1]: a linear recurrence, solved by doubling,
 * so that zeros need no care and it can be differentiated again.
 */
function gradCumulativeProduct(g: Node, x: Node, axis: number, reverse: boolean): Node {
  const direction = reverse ? 1 : -1;
  const size = x.aval.shape[axis] as number;
  let factor = shift(x, axis, direction, 0);
  let sum = g;
  for (let step = 1; step < size; step *= 2) {
    sum = b.add(sum, b.mul(factor, shift(sum, axis, direction * step, 0)));
    factor = b.mul(factor, shift(factor, axis, direction * step, 0));
  }
  return b.mul(exclusiveProduct(x, axis, reverse), sum);
}

/** The gradient goes to where the running maximum was last met. */
function gradCumulativeMax(g: Node, x: Node, y: Node, axis: number, reverse: boolean): Node {
  const { shape } = x.aval;
  const place = b.iota(shape, axis);
  const last = b.fill(place, (shape[axis] as number) - 1);
  const rank = reverse ? b.sub(last, place) : place;
  const latest = scan("max", b.where(b.eq(x, y), rank, b.fill(rank, 0)), axis, reverse);
  return b.scatter("add", b.fill(x, 0), reverse ? b.sub(last, latest) : latest, g, axis, true);
}

export const reductions: VjpTable<"reduce" | "argReduce" | "cumulate"> = {
  reduce: (g, x, y, { kind, axes }) => {
    const operand = input(x, 0);
    switch (kind) {
      case "sum":
        return [spread(g, axes, operand.aval.shape)];
      case "max":
      case "min":
        return [gradExtreme(g, operand, y, axes)];
      case "prod":
        return [gradProduct(g, operand, axes)];
      default:
        return kind satisfies never;
    }
  },
  argReduce: null,
  cumulate: (g, x, y, { kind, axis, reverse }) => {
    const operand = input(x, 0);
    switch (kind) {
      case "sum":
        return [scan("sum", g, axis, !reverse)];
      case "max":
        return [gradCumulativeMax(g, operand, y, axis, reverse)];
      case "prod":
        return [gradCumulativeProduct(g, operand, axis, reverse)];
      default:
        return kind satisfies never;
    }
  },
};
