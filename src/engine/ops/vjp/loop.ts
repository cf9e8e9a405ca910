/** The derivative of a loop: a loop the other way, over the carries the forward one went through. */
import type { Attrs, Graph, Node } from "../../ir/index.ts";
import { build as b } from "../builder.ts";
import { freshParam, inlineGraph } from "../graph.ts";
import { outputsOf } from "../make.ts";
import { accumulate, cut, differentiable, type Grads, input, type Vjp, type VjpTable } from "./rule.ts";
import { gradientGraph } from "./structure.ts";

type Loop = Attrs["loop"];

/**
 * The carries each step started from, stacked, for those in `wanted`. Read from the loop's own results where it stacks a carry
 * anyhow (as given or as passed on, as a recurrent net does); else from a second loop that also stacks the rest.
 */
function stackedCarries(
  x: readonly Node[],
  ys: readonly Node[],
  attrs: Loop,
  wanted: readonly boolean[],
): (Node | null)[] {
  const { body, length, carry, reverse } = attrs;
  const stackedAs = (node: Node | undefined): Node | null => {
    const index = body.outs.findIndex((out, place) => place >= carry && out === node);
    return index < 0 ? null : (ys[index] as Node);
  };
  const stacks = wanted.map((want, i) => {
    if (!want) return null;
    const before = stackedAs(body.params[i]);
    if (before !== null) return before;
    const after = length > 0 ? stackedAs(body.outs[i]) : null;
    if (after === null) return null;
    const first = b.reshape(input(x, i), [1, ...input(x, i).aval.shape]);
    const rest = cut(after, 0, reverse ? 1 : 0, length - 1);
    return b.make("concat", reverse ? [rest, first] : [first, rest], { axis: 0 });
  });
  const missing = wanted.map((_, i) => i).filter((i) => wanted[i] && stacks[i] === null);
  if (missing.length > 0) {
    const more = missing.map((i) => body.params[i] as Node);
    const longer = { ...attrs, body: { params: body.params, outs: [...body.outs, ...more] } };
    const results = outputsOf(b.make("loop", x, longer));
    missing.forEach((i, n) => {
      stacks[i] = results[body.outs.length + n] as Node;
    });
  }
  return stacks;
}

/** The numbers of the entries that are true. */
const chosen = (flags: readonly boolean[]): number[] => flags.flatMap((flag, index) => (flag ? [index] : []));

const loop: Vjp<"loop"> = (gs, x, ys, attrs, needed, backward) => {
  const { body, length, carry, xs, reverse } = attrs;
  const { params } = body;
  const isCarry = (index: number) => index < carry;
  const isSlice = (index: number) => index >= carry && index < carry + xs;
  // Every float carry has a cotangent at each step, whether or not its start needs one.
  const active = params.map((param, i) => differentiable(param) && (isCarry(i) || (needed[i] ?? false)));
  const given = body.outs.map((out, i) => (isCarry(i) ? differentiable(out) : gs[i] !== null));
  const { graph, place } = gradientGraph(body, given, active, backward);

  const reachable = new Set(graphLeaves(graph));
  const wanted = params.map((param, i) => isCarry(i) && reachable.has(param));
  const stacks = stackedCarries(x, ys, attrs, wanted.slice(0, carry));

  const carries = chosen(active).filter(isCarry);
  const constants = chosen(active).filter((i) => !isCarry(i) && !isSlice(i));
  const slices = chosen(active).filter((i) => isSlice(i) && place[i] !== null);
  const givenYs = chosen(given).filter((i) => !isCarry(i));
  if (carries.length + constants.length + slices.length === 0) return x.map(() => null);

  // Fresh parameters: cotangents of carries and constants are carried; carries, slices and cotangents of ys are scanned.
  const fresh = (indices: readonly number[], of: readonly Node[]) =>
    new Map(indices.map((i) => [i, freshParam(of[i] as Node)]));
  const gCarry = fresh(carries, params);
  const gConstant = fresh(constants, params);
  const gY = fresh(givenYs, body.outs);
  const old = fresh(chosen(params.map((_, i) => !isCarry(i) || (wanted[i] ?? false))), params);

  const args = [
    // A carry the gradients do not read is not stacked; anything of its aval will do.
    ...params.map((param, i) => old.get(i) ?? b.fill(param, 0)),
    ...chosen(given).map((i) => (isCarry(i) ? gCarry.get(i) : gY.get(i)) as Node),
  ];
  const grads = inlineGraph(graph, args);
  const gradOf = (i: number): Node | null => {
    const index = place[i] ?? null;
    return index === null ? null : (grads[index] as Node);
  };
  const constantSum = (i: number): Node => {
    const sum = gConstant.get(i) as Node;
    const grad = gradOf(i);
    return grad === null ? sum : accumulate(sum, grad);
  };

  const oldOf = (keep: (i: number) => boolean) => [...old.keys()].filter(keep);
  const [oldCarries, oldSlices] = [oldOf(isCarry), oldOf(isSlice)];
  const oldConstants = oldOf((i) => !isCarry(i) && !isSlice(i));
  const param = (i: number) => old.get(i) as Node;
  const reversed: Loop = {
    body: {
      params: [
        ...gCarry.values(),
        ...gConstant.values(),
        ...oldCarries.map(param),
        ...oldSlices.map(param),
        ...gY.values(),
        ...oldConstants.map(param),
      ],
      outs: [
        ...carries.map((i) => gradOf(i) ?? b.fill(params[i] as Node, 0)),
        ...constants.map(constantSum),
        ...slices.map((i) => gradOf(i) as Node),
      ],
    },
    length,
    carry: carries.length + constants.length,
    xs: oldCarries.length + oldSlices.length + givenYs.length,
    reverse: !reverse,
  };
  const sources = [
    ...carries.map((i) => gs[i] ?? b.fill(input(x, i), 0)),
    ...constants.map((i) => b.fill(input(x, i), 0)),
    ...oldCarries.map((i) => stacks[i] as Node),
    ...oldSlices.map((i) => input(x, i)),
    ...givenYs.map((i) => gs[i] as Node),
    ...oldConstants.map((i) => input(x, i)),
  ];
  const results = outputsOf(b.make("loop", sources, reversed));
  const result: (Node | null)[] = x.map(() => null);
  [...carries, ...constants, ...slices].forEach((i, n) => {
    result[i] = needed[i] ? (results[n] as Node) : null;
  });
  return result satisfies Grads;
};

/** The parameters that a graph's results read. */
function graphLeaves(graph: Graph): Node[] {
  const seen = new Set<Node>(graph.outs);
  const stack = [...graph.outs];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    for (const source of node.src) {
      if (!seen.has(source)) stack.push(source);
      seen.add(source);
    }
  }
  return graph.params.filter((param) => seen.has(param));
}

export const loops: VjpTable<"loop"> = { loop };
