/** What a backward pass keeps of the forward one: of the values it reads, those that are dear to compute again. */
import { type Graph, type Node, type Op, topologicalOrder } from "../../ir/index.ts";
import { isScalarOp, scalarRows } from "../scalar.ts";

const moves: ReadonlySet<Op> = new Set<Op>([
  "cast",
  "reshape",
  "permute",
  "expand",
  "pad",
  "slice",
  "concat",
  "stopGradient",
  "copy",
]);

/** Found again from what it reads sooner than from memory. */
const isCheap = ({ op }: Node): boolean => moves.has(op) || (isScalarOp(op) && !scalarRows[op].expensive);

export interface Residuals {
  /** What is known before the cotangents are and is another value in each step; no parameters. */
  readonly kept: readonly Node[];
  /** Whether a value is another one in each step. */
  readonly varies: (node: Node) => boolean;
}

/**
 * `graph` is a gradient graph: of its parameters the first `known` are there in the forward pass, the first `varying` of these are
 * others in each step, and the rest are cotangents. With the values in `kept` at hand, nothing dear is computed twice.
 */
export function residuals(graph: Graph, known: number, varying: number): Residuals {
  const late = new Set(graph.params.slice(known));
  const early = new Set(graph.params.slice(0, varying));
  const params = new Set(graph.params);
  const waiting: Node[] = [...graph.outs];
  for (const node of topologicalOrder(graph.outs)) {
    if (node.src.some((source) => late.has(source))) {
      late.add(node);
      waiting.push(...node.src);
    } else if (node.src.some((source) => early.has(source))) early.add(node);
  }
  const seen = new Set<Node>();
  const kept: Node[] = [];
  for (const node of waiting) {
    if (seen.has(node) || !early.has(node) || params.has(node)) continue;
    seen.add(node);
    if (isCheap(node)) waiting.push(...node.src);
    else kept.push(node);
  }
  return { kept, varies: (node) => late.has(node) || early.has(node) };
}
