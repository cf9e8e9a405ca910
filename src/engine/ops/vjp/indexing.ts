/** Derivatives of gather and scatter: each is the other's adjoint. */
import { sizeOf } from "../../../util/index.ts";
import type { Node } from "../../ir/index.ts";
import { build as b } from "../builder.ts";
import { inF32, input, type VjpTable } from "./rule.ts";

/** A condition on the indices, at every element of the updates. */
function atUpdates(condition: Node, updates: Node, axis: number, along: boolean): Node {
  if (along) return condition;
  const after = updates.aval.shape.length - axis - condition.aval.shape.length;
  const shape = [
    ...new Array<number>(axis).fill(1),
    ...condition.aval.shape,
    ...new Array<number>(after).fill(1),
  ];
  return b.expand(b.reshape(condition, shape), updates.aval.shape);
}

/** Whether each index is within the axis: an update outside is dropped. */
function inRange(indices: Node, size: number): Node {
  const low = b.le(b.fill(indices, 0), indices);
  return b.bitAnd(low, b.lt(indices, b.fill(indices, size)));
}

/** Whether each update of a set is the one that stayed: of equal indices the last wins. */
function stayed(base: Node, indices: Node, updates: Node, axis: number, along: boolean): Node {
  const number = b.reshape(b.iota([sizeOf(updates.aval.shape)], 0), updates.aval.shape);
  const nobody = b.full(base.aval.shape, -1, "i32");
  const owner = b.scatter("set", nobody, indices, number, axis, along);
  return b.eq(b.gather(owner, indices, axis, along), number);
}

export const indexing: VjpTable<"gather" | "scatter"> = {
  gather: (g, x, _y, { axis, along }) => [
    inF32(g, (wide) => {
      const zeros = b.full(input(x, 0).aval.shape, 0);
      return b.scatter("add", zeros, input(x, 1), wide, axis, along);
    }),
    null,
  ],
  scatter: (g, x, _y, { mode, axis, along }, needed) => {
    const [base, indices, updates] = [input(x, 0), input(x, 1), input(x, 2)];
    let toUpdates: Node | null = null;
    if (needed[2]) {
      const read = b.gather(g, indices, axis, along);
      const counted = atUpdates(inRange(indices, base.aval.shape[axis] as number), updates, axis, along);
      const live = mode === "add" ? counted : b.bitAnd(counted, stayed(base, indices, updates, axis, along));
      toUpdates = b.where(live, read, b.fill(read, 0));
    }
    if (!needed[0]) return [null, null, toUpdates];
    const toBase = mode === "add" ? g : b.scatter("set", g, indices, b.fill(updates, 0), axis, along);
    return [toBase, null, toUpdates];
  },
};
