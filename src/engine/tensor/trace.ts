/** Tracing a function into a subgraph, with what it captures made explicit. */
import { type Aval, type Graph, type Node, rawNode } from "../ir/index.ts";
import { remake } from "../ops/index.ts";
import { withoutDebt } from "../runtime/index.ts";
import { Tensor } from "./tensor.ts";

export interface Traced {
  /** Its params are those asked for, then one per capture. */
  readonly body: Graph;
  /** What the body reads from outside. */
  readonly captures: readonly Node[];
}

/**
 * The graph of `fn` over fresh parameters of the given avals.
 * What exists already is captured. With `hoist` so is what `fn` makes without its parameters, so that a loop computes it once.
 */
export function traceGraph(
  avals: readonly Aval[],
  fn: (params: readonly Tensor[]) => readonly Tensor[],
  hoist: boolean,
): Traced {
  const params = avals.map((aval) => rawNode("input", [], aval, {}));
  const first = rawNode("input", [], { dtype: "f32", shape: [] }, {}).id;
  const outs = withoutDebt(() => fn(params.map((param) => new Tensor(param)))).map((out) => out.node);
  const made = madeSince(first, outs);
  return close(params, outs, hoist ? dependents(params, made) : made);
}

/** Unrealised nodes behind `outs` made since then, producers first: a node is younger than its sources, so age is an order. */
function madeSince(first: number, outs: readonly Node[]): Node[] {
  const found = new Set<Node>();
  const stack = [...outs];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.id < first || node.value !== null || node.op === "input" || found.has(node)) continue;
    found.add(node);
    stack.push(...node.src);
  }
  return [...found].sort((a, b) => a.id - b.id);
}

function dependents(params: readonly Node[], nodes: readonly Node[]): Node[] {
  const own = new Set(params);
  return nodes.filter((node) => {
    const depends = node.src.some((source) => own.has(source));
    if (depends) own.add(node);
    return depends;
  });
}

/** Makes parameters of all sources that are not `inside`; bare constants and indices may be anywhere. */
function close(params: readonly Node[], outs: readonly Node[], inside: readonly Node[]): Traced {
  const images = new Map<Node, Node>(params.map((param) => [param, param]));
  const captured = new Map<Node, Node>();
  const capture = (node: Node): Node => {
    if (node.value === null && (node.op === "const" || node.op === "iota")) return node;
    let param = captured.get(node);
    if (param === undefined) {
      param = rawNode("input", [], node.aval, {});
      captured.set(node, param);
    }
    return param;
  };
  const image = (node: Node): Node => images.get(node) ?? capture(node);
  for (const node of inside) {
    const sources = node.src.map(image);
    const same = sources.every((source, index) => source === node.src[index]);
    images.set(node, same ? node : remake(node, sources));
  }
  const results = outs.map(image);
  return {
    body: { params: [...params, ...captured.values()], outs: results },
    captures: [...captured.keys()],
  };
}
