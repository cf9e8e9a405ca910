/** Where a tensor comes from, for messages: the layer that made it, and the function behind mere movement. */
import type { Node } from "../engine/ir/index.ts";
import type { Tensor } from "../engine/tensor/index.ts";

const makers = new WeakMap<Node, string>();

/** Remembers which layer a tensor came out of; the innermost one, which is the first to say so. */
export function noteMaker(x: Tensor, layer: string): void {
  if (!makers.has(x.node)) makers.set(x.node, layer);
}

/** The function that computed a tensor's numbers, and the layer it lies in if one said so. */
export interface Origin {
  /** As in `softmax`. */
  readonly name: string;
  readonly layer: string | null;
}

/** The named function a tensor comes out of, reshaped or otherwise moved or not; null when what computed it has no name. */
export function originOf(x: Tensor): Origin | null {
  let layer: string | null = null;
  for (let node: Node | null = x.node; node !== null; node = before(node)) {
    layer = makers.get(node) ?? layer;
    if (node.op === "composite" && !node.attrs.recompute) return { name: node.attrs.name, layer };
  }
  return null;
}

/** The node whose numbers this one only moves (or, for a checkpoint, repeats later); null when it computes or is realised. */
function before(node: Node): Node | null {
  switch (node.op) {
    case "reshape":
    case "permute":
    case "expand":
    case "slice":
    case "gather":
    case "cast":
    case "copy":
    case "stopGradient":
      return node.src[0] ?? null;
    case "output": {
      const [from] = node.src;
      return from?.op === "composite" && from.attrs.recompute
        ? (from.attrs.body.outs[node.attrs.index] ?? null)
        : null;
    }
    case "composite":
      return node.attrs.body.outs[0] ?? null;
    default:
      return null;
  }
}
