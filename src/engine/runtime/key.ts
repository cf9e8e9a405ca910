/** Structural keys: two graphs have equal keys exactly when one plan serves both. */
import { type Graph, type Node, topologicalOrder } from "../ir/index.ts";

/** `inputs` get the first numbers; every other leaf must be a constant. */
export function graphKey(inputs: readonly Node[], order: readonly Node[], outputs: readonly Node[]): string {
  const numbers = new Map<Node, number>();
  const parts: string[] = [];
  for (const input of inputs) {
    parts.push(`${input.aval.dtype}${input.aval.shape}`);
    numbers.set(input, numbers.size);
  }
  for (const node of order) {
    if (numbers.has(node)) continue;
    const sources = node.src.map((source) => numbers.get(source)).join(",");
    // Plans say which part a step is for.
    const scope = node.scope === null ? "" : `@${node.scope}`;
    parts.push(`${node.op}(${sources})${attrsKey(node)}:${node.aval.dtype}${node.aval.shape}${scope}`);
    numbers.set(node, numbers.size);
  }
  parts.push(`=${outputs.map((node) => numbers.get(node)).join(",")}`);
  return parts.join(";");
}

function attrsKey(node: Node): string {
  switch (node.op) {
    case "composite":
      return `${node.attrs.name}${attrsText(node.attrs.params ?? {})}{${bodyKey(node.attrs.body)}}`;
    case "loop": {
      const { body, length, carry, xs, reverse, guarded } = node.attrs;
      return `${length},${carry},${xs},${reverse}${guarded ? ",guarded" : ""}{${bodyKey(body)}}`;
    }
    case "const":
    case "gather":
    case "pad":
      // JSON has no NaN, infinities or -0.
      return attrsText(node.attrs);
    default:
      return JSON.stringify(node.attrs);
  }
}

const attrsText = (attrs: object): string =>
  Object.values(attrs)
    .map((value) => (Object.is(value, -0) ? "-0" : String(value)))
    .join("|");

function bodyKey(body: Graph): string {
  return graphKey(body.params, topologicalOrder(body.outs), body.outs);
}
