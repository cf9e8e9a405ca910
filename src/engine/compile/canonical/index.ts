/** Canonical form of a graph: composites inlined, constants folded, equal nodes and loops shared, dead ones gone. */
import { InternalError, sizeOf } from "../../../util/index.ts";
import {
  type Aval,
  type Capabilities,
  type Graph,
  inScope,
  type MatmulPrecision,
  type Node,
  topologicalOrder,
} from "../../ir/index.ts";
import { arithmeticRules } from "./arithmetic.ts";
import { heavyRules } from "./heavy.ts";
import { joinLoops } from "./loops.ts";
import { movementRules } from "./movement.ts";
import { Rewriter } from "./rewriter.ts";

export { GATE } from "./rewriter.ts";
export { constantOf } from "./value.ts";

const rules = { ...arithmeticRules, ...movementRules, ...heavyRules };

export interface Canonical {
  /** The leaves in the caller's order, and each output's canonical node. */
  readonly leaves: readonly Node[];
  readonly outputs: readonly Node[];
}

/** `leaves` stay as they are (fresh `input` nodes stand for them). */
export function canonicalise(
  leaves: readonly Node[],
  outputs: readonly Node[],
  caps: Capabilities,
  precision: MatmulPrecision = "f32",
): Canonical {
  const b = new Rewriter(rules, precision);
  const stand = leaves.map((leaf) => b.make("input", [], {}, leaf.aval));
  const rewritten = rewrite(b, leaves, stand, outputs, caps);
  const joined = joinLoops(b, rewritten, (params, outs) => canonicalBody({ params, outs }, caps, precision));
  return { leaves: stand, outputs: joined };
}

/** The canonical nodes of `outputs` with `params` standing for themselves as `args`. */
function rewrite(
  b: Rewriter,
  params: readonly Node[],
  args: readonly Node[],
  outputs: readonly Node[],
  caps: Capabilities,
): Node[] {
  /** What each result of a node became. */
  const became = new Map<Node, readonly Node[]>();
  params.forEach((param, index) => {
    became.set(param, [args[index] as Node]);
  });
  const first = (node: Node) => (became.get(node) as readonly Node[])[0] as Node;
  for (const node of topologicalOrder(outputs)) {
    if (became.has(node)) continue;
    became.set(
      node,
      inScope(node.scope, () => results(b, node, became, first, caps)),
    );
  }
  return outputs.map(first);
}

function results(
  b: Rewriter,
  node: Node,
  became: ReadonlyMap<Node, readonly Node[]>,
  first: (node: Node) => Node,
  caps: Capabilities,
): readonly Node[] {
  switch (node.op) {
    case "input":
      throw new InternalError(
        `compile: an input of the graph is not among its leaves (${node.aval.dtype}[${node.aval.shape}])`,
      );
    case "output": {
      const source = became.get(node.src[0] as Node);
      const result = source?.[node.attrs.index];
      if (result === undefined) throw new InternalError(`compile: no result ${node.attrs.index}`);
      return [result];
    }
    case "composite": {
      const src = node.src.map(first);
      const { name, body, gated, params } = node.attrs;
      // Bodies know what to do where there is nothing to compute.
      const kept = params !== undefined && caps.composites.has(name);
      if (!kept || src.some(({ aval }) => sizeOf(aval.shape) === 0)) {
        return rewrite(b, body.params, gated === undefined ? src : gate(b, src, gated), body.outs, caps);
      }
      const attrs = { name, body, params };
      return projections(b, b.make("composite", src, attrs, node.aval, node.outs ?? [node.aval]));
    }
    case "loop": {
      const src = node.src.map(first);
      const { length, carry, xs, guarded, body: once } = node.attrs;
      const outs = node.outs ?? [node.aval];
      if (length === 0) return outs.map((aval, i) => (i < carry ? (src[i] as Node) : b.const(aval, 0)));
      const guard = guarded ? src.at(-1) : undefined;
      if (guard?.op === "const" && guard.attrs.value === 0) return src.slice(0, carry);
      if (length === 1 && (guard === undefined || guard.op === "const")) {
        const args = src.map((each, i) =>
          i < carry || i >= carry + xs ? each : b.reshape(each, once.params[i]?.aval.shape ?? []),
        );
        const results = rewrite(b, once.params, args, once.outs, caps);
        return results.map((each, i) => (i < carry ? each : b.reshape(each, (outs[i] as Aval).shape)));
      }
      const body = canonicalBody(node.attrs.body, caps, b.precision);
      return projections(b, b.make("loop", src, { ...node.attrs, body }, node.aval, outs));
    }
    default:
      return [b.make(node.op, node.src.map(first), node.attrs as never, node.aval)];
  }
}

/** The first `count` behind gates that open when the rest is there. */
function gate(b: Rewriter, src: readonly Node[], count: number): Node[] {
  const rest = src.slice(count);
  return src.map((source, index) => (index < count ? b.gate(source, rest) : source));
}

function canonicalBody(body: Graph, caps: Capabilities, precision: MatmulPrecision): Graph {
  const { leaves, outputs } = canonicalise(body.params, body.outs, caps, precision);
  return { params: leaves, outs: outputs };
}

/** Each result of a composite or loop as a node of its own, even when there is one. */
function projections(b: Rewriter, node: Node): Node[] {
  return (node.outs as readonly Aval[]).map((aval, index) => b.make("output", [node], { index }, aval));
}
