/** What goes round a loop: trees of tensors, numbers and nulls as lists of tensors, and back. */
import { ConfigError, flattenTree, mapTree, ShapeError } from "../../util/index.ts";
import { formatAval } from "../ir/index.ts";
import { asTensor } from "./apply.ts";
import { Tensor } from "./tensor.ts";

/** The tensors of a tree, numbers as 0-d f32. */
export function tensorsOf(op: string, what: string, tree: unknown): Tensor[] {
  const { leaves, paths } = flattenTree(tree);
  return leaves.flatMap((leaf, i) => {
    if (leaf instanceof Tensor) return [leaf];
    if (typeof leaf === "number") return [asTensor(leaf)];
    if (leaf === null || leaf === undefined) return [];
    throw new ConfigError(
      `${op}: leaves of ${what} must be tensors, numbers or null; got ${typeof leaf}${paths[i] ? ` at ${paths[i]}` : ""}.`,
    );
  });
}

/** The tree with its tensors and numbers replaced, in order. */
export function rebuild<T>(tree: unknown, tensors: readonly Tensor[]): T {
  let next = 0;
  return mapTree<T>(tree, (leaf) => (leaf === null || leaf === undefined ? leaf : tensors[next++]));
}

/** A tree with its tensors. */
type Carry = readonly [tensors: readonly Tensor[], tree: unknown];

/** Throws ShapeError, beginning with `what`, when the second differs in structure, shapes or dtypes. */
export function checkCarry(what: string, [before, was]: Carry, [after, is]: Carry): void {
  const avals = (tensors: readonly Tensor[]) => tensors.map((x) => formatAval(x.node.aval)).join(", ");
  if (flattenTree(was).structure === flattenTree(is).structure && avals(before) === avals(after)) return;
  throw new ShapeError(
    `${what} of the same structure, shapes and dtypes; got ${avals(after)} for ${avals(before)}.`,
  );
}
