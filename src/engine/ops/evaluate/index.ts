/** The f64 meaning of every primitive, and of graphs: the oracle that backends are tested against, and constant folding. */
import { InternalError } from "../../../util/index.ts";
import { type Aval, formatAval, type Graph, type Node, type Op, topologicalOrder } from "../../ir/index.ts";
import { contractions } from "./contraction.ts";
import { indexing } from "./indexing.ts";
import type { Kernel, KernelTable, Operand } from "./kernel.ts";
import { movements } from "./movement.ts";
import { order } from "./order.ts";
import { reductions } from "./reduce.ts";
import { casts, leaves, scalars } from "./scalar.ts";
import { structure } from "./structure.ts";
import { windows } from "./window.ts";

export { forEachIndex } from "./contraction.ts";
export type { Kernel, Operand } from "./kernel.ts";
export { positions } from "./kernel.ts";
export { beats, combiner, identity } from "./reduce.ts";
export { scalarFunction } from "./scalar.ts";

/** `input` and `output` compute nothing: the first must be bound, the second is read from the node behind it. */
export type Computed = Exclude<Op, "input" | "output">;

export const kernels: KernelTable<Computed> = {
  ...leaves,
  ...scalars,
  ...casts,
  ...reductions,
  ...movements,
  ...indexing,
  ...contractions,
  ...windows,
  ...order,
  ...structure,
};

function runBody(body: Graph, args: readonly Operand[]): Operand[] {
  const bindings = new Map(body.params.map((param, i) => [param, (args[i] as Operand).data]));
  const results = evaluateGraph(body.outs, bindings);
  return body.outs.map(({ aval }, i) => ({ aval, data: results[i] as Float64Array }));
}

/** The results of one node from the values of its sources: one array, but for composite and loop. */
export function evaluate(
  node: { readonly op: Computed; readonly attrs: Node["attrs"]; readonly aval: Aval },
  src: readonly Operand[],
): Float64Array[] {
  // Each kernel takes the attrs of its own op, which the node carries.
  const kernel = kernels[node.op] as unknown as (
    ...args: Parameters<Kernel<"add">>
  ) => Float64Array | Operand[];
  const result = kernel(src, node.attrs as never, node.aval, runBody);
  return result instanceof Float64Array ? [result] : result.map(({ data }) => data);
}

/**
 * The values of `roots`, each node computed in f64 from those in `bindings` (which must hold every input that is met).
 * f32 is not rounded; i32, u32, i8 and u8 wrap; f16 and bf16 are rounded when cast to.
 */
export function evaluateGraph(
  roots: readonly Node[],
  bindings: ReadonlyMap<Node, Float64Array>,
): Float64Array[] {
  const values = new Map<Node, Float64Array[]>();
  const result = (node: Node, index: number) => values.get(node)?.[index] as Float64Array;
  for (const node of topologicalOrder(roots)) {
    const bound = bindings.get(node);
    if (bound !== undefined) {
      values.set(node, [bound]);
    } else if (node.op === "input" || node.value !== null) {
      throw new InternalError(`evaluate: ${formatAval(node.aval)} has no binding`);
    } else if (node.op === "output") {
      values.set(node, [result(node.src[0] as Node, node.attrs.index)]);
    } else {
      const src = node.src.map((source) => ({ aval: source.aval, data: result(source, 0) }));
      values.set(node, evaluate(node, src));
    }
  }
  return roots.map((root) => result(root, 0));
}
