/** The one door through which nodes are built: infers the aval and checks it. */
import type { Shape } from "../../util/index.ts";
import { type Attrs, type Aval, type DType, type Node, type Op, rawNode } from "../ir/index.ts";
import type { ToldOf } from "./build.ts";
import { infer } from "./infer/index.ts";

/**
 * A checked node. `make("add", [a, b], {})`, `make("reshape", [x], {}, [2, 3])`, `make("const", [], { value: 1 }, [2], "f32")`.
 * Throws ShapeError, DTypeError.
 */
export function make<K extends Op>(op: K, src: readonly Node[], attrs: Attrs[K], ...told: ToldOf<K>): Node {
  const [shape, dtype] = told as [Shape?, DType?];
  const outs = infer(op, src, attrs, { shape, dtype });
  const multiple = op === "composite" || op === "loop";
  return rawNode(op, src, outs[0] as Aval, attrs, multiple ? outs : undefined);
}

/** The same operation on other sources of the same avals; nothing is inferred again. */
export function remake(node: Node, src: readonly Node[]): Node {
  return rawNode(node.op, src, node.aval, node.attrs, node.outs, node.scope);
}

/** The results of a composite or loop as nodes; of any other node, itself. */
export function outputsOf(node: Node): Node[] {
  if (node.outs === undefined || node.outs.length === 1) return [node];
  return node.outs.map((_, index) => make("output", [node], { index }));
}
