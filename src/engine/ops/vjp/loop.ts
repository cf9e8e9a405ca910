/** The derivative of a loop: a loop the other way, over what the forward one keeps for it. */
import type { Attrs, Node } from "../../ir/index.ts";
import { build as b } from "../builder.ts";
import { freshParam, inlineGraph } from "../graph.ts";
import { outputsOf } from "../make.ts";
import { guarded } from "./guarded.ts";
import { residuals } from "./residuals.ts";
import { accumulate, differentiable, type Grads, input, type Vjp, type VjpTable } from "./rule.ts";
import { stacked } from "./stacks.ts";
import { factorsIn, type StepSum, sumOverSteps } from "./step-sums.ts";
import { gradientGraph } from "./structure.ts";

type Loop = Attrs["loop"];

/** The numbers of the entries that are true. */
const chosen = (flags: readonly boolean[]): number[] => flags.flatMap((flag, index) => (flag ? [index] : []));

/** Those of `values` that `outs` are computed from, not looking behind them. */
function readBy(outs: readonly Node[], values: ReadonlySet<Node>): Set<Node> {
  const read = new Set<Node>();
  const seen = new Set<Node>();
  const waiting = [...outs];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (values.has(node)) read.add(node);
    else waiting.push(...node.src);
  }
  return read;
}

const loop: Vjp<"loop"> = (gs, x, ys, attrs, needed, backward) => {
  if (attrs.guarded) return guarded(gs, x, ys, attrs, needed, backward);
  const { body, length, carry, xs, reverse } = attrs;
  const { params } = body;
  const isCarry = (index: number) => index < carry;
  const isSlice = (index: number) => index >= carry && index < carry + xs;
  // Every float carry has a cotangent at each step, whether or not its start needs one.
  const active = params.map((param, i) => differentiable(param) && (isCarry(i) || (needed[i] ?? false)));
  const given = body.outs.map((out, i) => (isCarry(i) ? differentiable(out) : gs[i] !== null));
  const { graph, place } = gradientGraph(body, given, active, backward);
  const gradOf = (i: number): Node | null => {
    const index = place[i] ?? null;
    return index === null ? null : (graph.outs[index] as Node);
  };

  const carries = chosen(active).filter(isCarry);
  const slices = chosen(active).filter((i) => isSlice(i) && gradOf(i) !== null);
  const constants = chosen(active).filter((i) => !isCarry(i) && !isSlice(i) && gradOf(i) !== null);
  if (carries.length + constants.length + slices.length === 0) return x.map(() => null);

  // Without the gradient there are the step's own values and what is kept; with it, factors of sums and gradients of slices.
  const { kept, varies } = residuals(graph, params.length, carry + xs);
  const early = new Set([...params.slice(0, carry + xs), ...kept]);
  const factors = constants.flatMap((i) => factorsIn(gradOf(i) as Node)).filter(varies);
  const together = new Set([...slices.map((i) => gradOf(i) as Node), ...factors]);
  const sums = constants.map((i) => sumOverSteps(gradOf(i) as Node, together));
  const rest = sums.flatMap(({ inside }) => inside ?? []);
  const late = [...together].filter((value) => !early.has(value));

  // The loop backward carries cotangents and the sums that are its own; it scans what its body reads and cotangents of ys.
  const outs = [...carries.map((i) => gradOf(i) ?? b.fill(params[i] as Node, 0)), ...rest, ...late];
  const read = [...readBy(outs, new Set([...early, ...params]))];
  const scanned = read.filter((value) => early.has(value));
  const fixed = chosen(params.map((param, i) => i >= carry + xs && read.includes(param)));
  const stacks = stacked(
    x,
    ys,
    attrs,
    new Set([...scanned, ...[...together].filter((value) => early.has(value))]),
  );
  const givenYs = chosen(given).filter((i) => !isCarry(i));

  const fresh = new Map(read.map((value) => [value, freshParam(value)]));
  const gCarry = new Map(carries.map((i) => [i, freshParam(params[i] as Node)]));
  const gSum = rest.map(freshParam);
  const gY = new Map(givenYs.map((i) => [i, freshParam(body.outs[i] as Node)]));
  // What nothing reads may be anything of its aval.
  const standIn = (value: Node) => fresh.get(value) ?? b.fill(value, 0);
  const cotangents = chosen(given).map((i) => (gCarry.get(i) ?? gY.get(i)) as Node);
  const results = inlineGraph({ params: [...graph.params, ...kept], outs }, [
    ...params.map(standIn),
    ...cotangents,
    ...kept.map(standIn),
  ]);
  const carried = carries.length + rest.length;
  const reversed: Loop = {
    body: {
      params: [
        ...gCarry.values(),
        ...gSum,
        ...scanned.map(standIn),
        ...gY.values(),
        ...fixed.map((i) => standIn(params[i] as Node)),
      ],
      outs: results.map((result, n) => {
        const sum = gSum[n - carries.length];
        return sum === undefined ? result : accumulate(sum, result);
      }),
    },
    length,
    carry: carried,
    xs: scanned.length + givenYs.length,
    reverse: !reverse,
  };
  const sources = [
    ...carries.map((i) => gs[i] ?? b.fill(input(x, i), 0)),
    ...rest.map((sum) => b.fill(sum, 0)),
    ...scanned.map((value) => stacks.get(value) as Node),
    ...givenYs.map((i) => gs[i] as Node),
    ...fixed.map((i) => input(x, i)),
  ];
  const backwards = outputsOf(b.make("loop", sources, reversed));

  const stack = (value: Node) => stacks.get(value) ?? (backwards[carried + late.indexOf(value)] as Node);
  const grads: (Node | null)[] = x.map(() => null);
  carries.forEach((i, n) => {
    grads[i] = needed[i] ? (backwards[n] as Node) : null;
  });
  slices.forEach((i) => {
    grads[i] = stack(gradOf(i) as Node);
  });
  let own = carries.length;
  constants.forEach((i, n) => {
    const { outside, inside } = sums[n] as StepSum;
    const sum = inside === null ? null : (backwards[own++] as Node);
    const large = outside(stack);
    grads[i] = sum === null ? large : large === null ? sum : accumulate(sum, large);
  });
  return grads satisfies Grads;
};

export const loops: VjpTable<"loop"> = { loop };
