/** Tracing a function into a subgraph, with what it captures made explicit. */
import { type Aval, type Graph, type Node, rawNode, topologicalOrder } from "../ir/index.ts";
import { remake } from "../ops/index.ts";
import { withoutDebt } from "../runtime/index.ts";
import { Tensor } from "./tensor.ts";

export interface Traced {
  /** Its params are those asked for, then one per capture. */
  readonly body: Graph;
  /** What `fn` reads besides its parameters: the largest parts that do not depend on them. */
  readonly captures: readonly Node[];
}

/** The graph of `fn` over fresh parameters of the given avals. */
export function traceGraph(
  avals: readonly Aval[],
  fn: (params: readonly Tensor[]) => readonly Tensor[],
): Traced {
  const params = avals.map((aval) => rawNode("input", [], aval, {}));
  const outs = withoutDebt(() => fn(params.map((param) => new Tensor(param)))).map((out) => out.node);
  return close(params, outs);
}

/** Replaces what does not depend on the parameters by further parameters; bare constants and indices stay inside. */
function close(params: readonly Node[], outs: readonly Node[]): Traced {
  const inside = new Map<Node, Node>(params.map((param) => [param, param]));
  const captured = new Map<Node, Node>();
  const order = topologicalOrder(outs);
  const own = new Set<Node>(params);
  for (const node of order) if (node.src.some((source) => own.has(source))) own.add(node);
  const capture = (node: Node): Node => {
    if (node.value === null && (node.op === "const" || node.op === "iota")) return node;
    let param = captured.get(node);
    if (param === undefined) {
      param = rawNode("input", [], node.aval, {});
      captured.set(node, param);
    }
    return param;
  };
  const image = (node: Node): Node => inside.get(node) ?? capture(node);
  for (const node of order) {
    if (!own.has(node) || inside.has(node)) continue;
    const sources = node.src.map(image);
    const same = sources.every((source, index) => source === node.src[index]);
    inside.set(node, same ? node : remake(node, sources));
  }
  const images = outs.map(image);
  return {
    body: { params: [...params, ...captured.values()], outs: images },
    captures: [...captured.keys()],
  };
}
