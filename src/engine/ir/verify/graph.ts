/** Checks that a graph is well formed: no cycle, right avals, closed bodies. */
import { InternalError, type Shape } from "../../../util/index.ts";
import { type Aval, formatAval, sameAval } from "../aval.ts";
import type { DType } from "../dtype.ts";
import type { Graph, Node } from "../node.ts";

/** Shape inference, which lives above this layer (ops). Throws for wrong sources or attributes. */
export type InferNode = (
  op: Node["op"],
  src: readonly Node[],
  attrs: never,
  told: { readonly shape?: Shape; readonly dtype?: DType },
) => readonly Aval[];

const name = (node: Node): string => `${node.op} ${formatAval(node.aval)} #${node.id}`;

/** Producers first, throwing on a cycle. */
function ordered(roots: readonly Node[]): Node[] {
  const order: Node[] = [];
  const state = new Map<Node, "entered" | "left">();
  const stack = [...roots];
  for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
    const known = state.get(node);
    if (known === undefined) {
      state.set(node, "entered");
      for (const source of node.src) {
        if (state.get(source) === "entered")
          throw new InternalError(`verify: ${name(source)} depends on itself`);
        if (!state.has(source)) stack.push(source);
      }
      continue;
    }
    stack.pop();
    if (known === "entered") {
      state.set(node, "left");
      order.push(node);
    }
  }
  return order;
}

function verifyNode(node: Node, infer: InferNode): void {
  if (node.value !== null || node.op === "input") {
    if (node.src.length > 0) throw new InternalError(`verify: ${name(node)} has a value and sources`);
    return;
  }
  const expected = infer(node.op, node.src, node.attrs as never, node.aval);
  const claimed = node.outs ?? [node.aval];
  const agrees =
    expected.length === claimed.length && expected.every((aval, i) => sameAval(aval, claimed[i] as Aval));
  if (!agrees || !sameAval(node.aval, claimed[0] as Aval)) {
    throw new InternalError(`verify: ${name(node)} must give ${expected.map(formatAval).join(", ")}`);
  }
}

function verifyBody(body: Graph, infer: InferNode): void {
  if (new Set(body.params).size !== body.params.length) {
    throw new InternalError("verify: the parameters of a body must be distinct");
  }
  verifyGraph(body.outs, infer, body.params);
}

/**
 * Throws InternalError (or what `infer` throws) unless every node under `roots` has the aval its sources imply, there is no
 * cycle, and every input without a value is one of `inputs` (any, when not given). Bodies must be closed.
 */
export function verifyGraph(roots: readonly Node[], infer: InferNode, inputs?: readonly Node[]): void {
  const bound = inputs === undefined ? null : new Set(inputs);
  for (const node of ordered(roots)) {
    if (bound?.has(node)) continue;
    if (node.op === "input" && node.value === null && bound !== null) {
      throw new InternalError(`verify: ${name(node)} is not a parameter of the graph it is in`);
    }
    verifyNode(node, infer);
    if (node.op === "composite" || node.op === "loop") verifyBody(node.attrs.body, infer);
  }
}
