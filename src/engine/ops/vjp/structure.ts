/** Derivatives of composites and of the nodes that hold the graph together; loops have their own file. */
import { ShapeError, UnsupportedError } from "../../../util/index.ts";
import { formatAval, type Graph, type Node, sameAval } from "../../ir/index.ts";
import { build as b } from "../builder.ts";
import { cloneGraph, freshParam, inlineGraph } from "../graph.ts";
import { outputsOf } from "../make.ts";
import { type Backward, type Grads, input, type VjpTable } from "./rule.ts";

/** The derivative of a body: params = [...body.params, ...cotangents], outs = the gradients `grads` numbers. */
export interface GradientGraph {
  readonly graph: Graph;
  /** For each parameter of the body, which out is its gradient; null: none. */
  readonly place: readonly (number | null)[];
}

/** Differentiates a body for the results in `given` and the parameters in `needed`. */
export function gradientGraph(
  body: Graph,
  given: readonly boolean[],
  needed: readonly boolean[],
  backward: Backward,
): GradientGraph {
  const cotangents = body.outs.map((out, index) => (given[index] ? freshParam(out) : null));
  const wrt = body.params.filter((_, index) => needed[index]);
  const grads = backward(body.outs, cotangents, wrt);
  const outs: Node[] = [];
  let next = 0;
  const place = body.params.map((_, index) => {
    if (!needed[index]) return null;
    const grad = grads[next++] ?? null;
    return grad === null ? null : outs.push(grad) - 1;
  });
  const params = [...body.params, ...cotangents.filter((node) => node !== null)];
  return { graph: { params, outs }, place };
}

/** Throws ShapeError unless a custom rule gave one gradient per input, each with the input's aval. */
function checkCustom(name: string, grads: Grads, x: readonly Node[]): void {
  if (grads.length !== x.length) {
    throw new ShapeError(
      `${name}: the gradient must give one value per input (${x.length}); got ${grads.length}.`,
    );
  }
  grads.forEach((grad, index) => {
    const { aval } = input(x, index);
    if (grad !== null && !sameAval(grad.aval, aval)) {
      throw new ShapeError(
        `${name}: the gradient of input ${index} must be ${formatAval(aval)}; got ${formatAval(grad.aval)}.`,
      );
    }
  });
}

type Structure = "composite" | "output" | "stopGradient" | "copy" | "collective";

export const structure: VjpTable<Structure> = {
  composite: (gs, x, ys, { name, body, vjp, recompute }, needed, backward) => {
    if (vjp !== undefined) {
      const grads = vjp(gs, x, ys);
      checkCustom(name, grads, x);
      return grads;
    }
    const given = gs.map((g) => g !== null);
    const { graph, place } = gradientGraph(body, given, needed, backward);
    if (graph.outs.length === 0) return x.map(() => null);
    const args = [...x, ...gs.filter((g) => g !== null)];
    // A recomputing body stays one node, gated, so that its inside is not shared with what the forward pass computed.
    const backwardName = `${name}.backward`;
    const outs = recompute
      ? outputsOf(
          b.make("composite", args, {
            name: backwardName,
            body: cloneGraph(graph),
            recompute,
            gated: x.length,
          }),
        )
      : inlineGraph(graph, args);
    return place.map((index) => (index === null ? null : (outs[index] as Node)));
  },
  // The walker hands an output's cotangent straight to the node behind it.
  output: null,
  stopGradient: null,
  copy: (g, _x, _y, { device, from }) => [
    from === undefined ? g : b.make("copy", [g], { device: from, from: device }),
  ],
  collective: (g, _x, _y, { kind, axis }) => {
    switch (kind) {
      case "allReduce":
        return [b.make("collective", [g], { kind: "allReduce", axis })];
      case "allGather":
        return [b.make("collective", [g], { kind: "reduceScatter", axis })];
      case "reduceScatter":
        return [b.make("collective", [g], { kind: "allGather", axis })];
      case "broadcast":
        throw new UnsupportedError("broadcast: has no gradient. Broadcast values before differentiating.");
      default:
        return kind satisfies never;
    }
  },
};
