/** A graph as text, for the message of a failing property. */
import { formatAval, type Node, topologicalOrder } from "../../src/engine/ir/index.ts";

export function describeGraph(outputs: readonly Node[]): string {
  const order = topologicalOrder(outputs);
  const names = new Map(order.map((node, i) => [node, `%${i}`]));
  const name = (node: Node) => names.get(node) ?? "?";
  const lines = order.map((node) => {
    const attrs = Object.entries(node.attrs)
      .filter(([key]) => key !== "body")
      .map(([key, value]) => `${key} ${JSON.stringify(value)}`);
    return `${name(node)}: ${formatAval(node.aval)} = ${node.op}(${node.src.map(name).join(", ")}) ${attrs.join(" ")}`;
  });
  return [...lines, `return ${outputs.map(name).join(", ")}`].join("\n");
}
