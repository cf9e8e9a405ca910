/** Values of a loop's body, stacked over its steps. */
import type { Attrs, Node } from "../../ir/index.ts";
import { build as b } from "../builder.ts";
import { outputsOf } from "../make.ts";
import { cut, input } from "./rule.ts";

/**
 * `values` of the forward body, each stacked over the steps. Read from the loop's own results where they are there anyhow (a carry
 * also from what it becomes, as a recurrent net hands that out); else from the same loop with more results, which the compiler makes
 * one with the loop itself.
 */
export function stacked(
  x: readonly Node[],
  ys: readonly Node[],
  attrs: Attrs["loop"],
  values: Iterable<Node>,
): Map<Node, Node> {
  const { body, length, carry, reverse } = attrs;
  const { params } = body;
  const at = new Map<Node, number>();
  body.outs.forEach((out, place) => {
    if (place >= carry && !at.has(out)) at.set(out, place);
  });
  const more: Node[] = [];
  const want = (value: Node) => {
    if (at.has(value)) return;
    at.set(value, body.outs.length + more.length);
    more.push(value);
  };
  const all = [...values];
  const places = all.map((value) => params.indexOf(value));
  const isScanned = (place: number) => place >= carry;
  all.forEach((value, i) => {
    if (places[i] === -1) want(value);
  });
  all.forEach((value, i) => {
    const place = places[i] as number;
    const next = length > 0 && at.has(body.outs[place] as Node);
    if (place >= 0 && !isScanned(place) && !next) want(value);
  });
  const longer = { ...attrs, body: { params, outs: [...body.outs, ...more] } };
  const results = more.length === 0 ? ys : outputsOf(b.make("loop", x, longer));
  const stackOf = (value: Node, place: number): Node => {
    if (isScanned(place)) return input(x, place);
    const own = at.get(value);
    if (own !== undefined) return results[own] as Node;
    // Each step starts from what the one before it came to.
    const after = results[at.get(body.outs[place] as Node) as number] as Node;
    const first = b.reshape(input(x, place), [1, ...value.aval.shape]);
    const rest = cut(after, 0, reverse ? 1 : 0, length - 1);
    return b.make("concat", reverse ? [rest, first] : [first, rest], { axis: 0 });
  };
  return new Map(all.map((value, i) => [value, stackOf(value, places[i] as number)]));
}
