/** Ways an operand reaches a kernel: whole, broadcast, permuted, reversed, strided or padded. */
import type { Node } from "../../src/engine/ir/index.ts";
import { build as b } from "../../src/engine/ops/index.ts";
import type { Shape } from "../../src/util/index.ts";

export interface View {
  readonly name: string;
  /** The shape of the tensor behind a view of `shape`. */
  readonly base: (shape: Shape) => number[];
  readonly apply: (x: Node, shape: Shape) => Node;
}

const zeros = (shape: Shape) => shape.map(() => 0);
const ones = (shape: Shape) => shape.map(() => 1);
const last = (shape: Shape) => shape.length - 1;
const reversed = (shape: Shape) => shape.map((_, axis) => last(shape) - axis);

/** Each is for shapes of at least one axis and no empty one. */
export const views: readonly View[] = [
  { name: "whole", base: (shape) => [...shape], apply: (x) => x },
  {
    name: "one row for all",
    base: (shape) => shape.map((size, axis) => (axis === last(shape) ? size : 1)),
    apply: (x, shape) => b.expand(x, shape),
  },
  {
    name: "one column for all",
    base: (shape) => shape.map((size, axis) => (axis === last(shape) ? 1 : size)),
    apply: (x, shape) => b.expand(x, shape),
  },
  { name: "one element for all", base: (shape) => ones(shape), apply: (x, shape) => b.expand(x, shape) },
  {
    name: "transposed",
    base: (shape) => [...shape].reverse(),
    apply: (x, shape) => b.permute(x, reversed(shape)),
  },
  {
    name: "backwards",
    base: (shape) => [...shape],
    apply: (x, shape) =>
      b.slice(
        x,
        shape.map((size) => size - 1),
        shape.map(() => -1),
        shape,
      ),
  },
  {
    name: "every other",
    base: (shape) => shape.map((size) => 2 * size + 1),
    apply: (x, shape) =>
      b.slice(
        x,
        ones(shape),
        shape.map(() => 2),
        shape,
      ),
  },
  {
    name: "every third from the end",
    base: (shape) => shape.map((size) => 3 * size),
    apply: (x, shape) =>
      b.slice(
        x,
        shape.map((size) => 3 * size - 1),
        shape.map(() => -3),
        shape,
      ),
  },
  {
    name: "padded",
    base: (shape) => shape.map((size) => Math.max(0, size - 2)),
    apply: (x, shape) =>
      b.pad(
        x,
        shape.map((size) => Math.min(1, size)),
        shape.map((size) => Math.min(1, Math.max(0, size - 1))),
        zeros(shape),
        1,
      ),
  },
];

export const viewNamed = (name: string): View => {
  const found = views.find((view) => view.name === name);
  if (found === undefined) throw new Error(`no view is called ${name}`);
  return found;
};
