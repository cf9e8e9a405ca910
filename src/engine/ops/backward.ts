/** Reverse mode on the graph: walks from results to what they are differentiated by, building gradients on the way. */
import { InternalError, ShapeError } from "../../util/index.ts";
import {
  type Aval,
  formatAval,
  gradientScope,
  inScope,
  isFloat,
  type Node,
  sameAval,
  topologicalOrder,
} from "../ir/index.ts";
import { outputsOf } from "./make.ts";
import { accumulate, differentiable, type Grads, type Vjp, vjps } from "./vjp/index.ts";

const resultsOf = (node: Node): readonly Aval[] => node.outs ?? [node.aval];

/** Of `order`, the nodes with a float value that depends on one of `wrt` through floats, other than as one of them. */
function dependents(order: readonly Node[], wrt: ReadonlySet<Node>): Set<Node> {
  const found = new Set<Node>();
  for (const node of order) {
    if (vjps[node.op] === null && node.op !== "output") continue;
    const reached = node.src.some((source) => wrt.has(source) || found.has(source));
    if (reached && resultsOf(node).some((aval) => isFloat(aval.dtype))) found.add(node);
  }
  return found;
}

/**
 * Gradients of the sum over i of <cotangents[i], outs[i]> with respect to `wrt`; null where there is no path of floats.
 * A null cotangent counts as zero. Only nodes between `wrt` and `outs` are visited by a rule.
 */
export function backward(outs: readonly Node[], cotangents: Grads, wrt: readonly Node[]): (Node | null)[] {
  const order = topologicalOrder(outs);
  const targets = new Set(wrt.filter(differentiable));
  const between = dependents(order, targets);
  const matters = (node: Node) => targets.has(node) || between.has(node);
  const collected = new Map<Node, (Node | null)[]>();

  const give = (node: Node, index: number, g: Node) => {
    const aval = resultsOf(node)[index];
    if (aval === undefined || !sameAval(aval, g.aval)) {
      const expected = aval === undefined ? "nothing" : formatAval(aval);
      throw new ShapeError(`gradient: of ${node.op} must be ${expected}; got ${formatAval(g.aval)}.`);
    }
    const sums = collected.get(node) ?? resultsOf(node).map(() => null);
    const sum = sums[index] ?? null;
    sums[index] = sum === null ? g : inGradient(node, () => accumulate(sum, g));
    collected.set(node, sums);
  };

  outs.forEach((out, index) => {
    const g = cotangents[index] ?? null;
    if (g !== null && matters(out)) give(out, 0, g);
  });

  for (let n = order.length - 1; n >= 0; n--) {
    const node = order[n] as Node;
    const gs = collected.get(node);
    if (gs === undefined || !between.has(node)) continue;
    if (!targets.has(node)) collected.delete(node);
    if (node.op === "output") {
      if (gs[0]) give(node.src[0] as Node, node.attrs.index, gs[0]);
      continue;
    }
    const needed = node.src.map(matters);
    const grads = inGradient(node, () => runRule(node, gs, needed));
    grads.forEach((grad, index) => {
      if (grad !== null && needed[index]) give(node.src[index] as Node, 0, grad);
    });
  }
  return wrt.map((node) => collected.get(node)?.[0] ?? null);
}

/** What is made of a node's gradient is for the node's part. */
const inGradient = <R>({ scope }: Node, fn: () => R): R =>
  scope === null ? fn() : inScope(gradientScope(scope), fn);

function runRule(node: Node, gs: Grads, needed: readonly boolean[]): Grads {
  if (node.op === "composite") {
    return rule<"composite">(node)(gs, node.src, outputsOf(node), node.attrs, needed, backward);
  }
  if (node.op === "loop")
    return rule<"loop">(node)(gs, node.src, outputsOf(node), node.attrs, needed, backward);
  const g = gs[0] ?? null;
  // Every other rule takes (g, x, y, attrs, needed); the type of attrs follows from the op.
  return g === null
    ? node.src.map(() => null)
    : rule<"add">(node)(g, node.src, node, node.attrs as never, needed);
}

function rule<K extends Node["op"]>(node: Node): Vjp<K> {
  const found = vjps[node.op];
  if (found === null) throw new InternalError(`${node.op}: has no derivative rule`);
  return found as Vjp<K>;
}
