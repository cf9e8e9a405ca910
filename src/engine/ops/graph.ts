/** Substitution in graphs: running a body on arguments. */
import { InternalError } from "../../util/index.ts";
import { formatAval, type Graph, type Node, sameAval, topologicalOrder } from "../ir/index.ts";
import { make, remake } from "./make.ts";

/**
 * The results of `graph` with its parameters replaced by `args`. What is shared in the graph stays shared; what does not
 * depend on a parameter is not copied.
 */
export function inlineGraph(graph: Graph, args: readonly Node[]): Node[] {
  const replaced = new Map<Node, Node>();
  graph.params.forEach((param, index) => {
    const arg = args[index];
    if (arg === undefined || !sameAval(arg.aval, param.aval)) {
      const got = arg === undefined ? "nothing" : formatAval(arg.aval);
      throw new InternalError(`inline: argument ${index} must be ${formatAval(param.aval)}; got ${got}.`);
    }
    replaced.set(param, arg);
  });
  for (const node of topologicalOrder(graph.outs)) {
    if (replaced.has(node)) continue;
    const src = node.src.map((source) => replaced.get(source) as Node);
    const changed = src.some((source, index) => source !== node.src[index]);
    replaced.set(node, changed ? remake(node, src) : node);
  }
  return graph.outs.map((out) => replaced.get(out) as Node);
}

/** A new parameter with the aval of `like`. */
export const freshParam = (like: Node): Node => make("input", [], {}, like.aval.shape, like.aval.dtype);

/** The same graph on parameters of its own. */
export function cloneGraph(graph: Graph): Graph {
  const params = graph.params.map(freshParam);
  return { params, outs: inlineGraph(graph, params) };
}
