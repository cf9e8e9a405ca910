/** The derivative of a guarded loop: under the same guard, the body's, computed from what the body was given. */
import type { Attrs, Node } from "../../ir/index.ts";
import { build as b } from "../builder.ts";
import { freshParam, inlineGraph } from "../graph.ts";
import { outputsOf } from "../make.ts";
import { differentiable, type Grads, input, type Vjp } from "./rule.ts";
import { gradientGraph } from "./structure.ts";

/** Where the guard is false a carry's cotangent passes unchanged, and constants have none. */
export const guarded: Vjp<"loop"> = (gs, x, _ys, { body, carry }, needed, backward) => {
  const { params } = body;
  const active = params.map((param, i) => differentiable(param) && (i < carry || (needed[i] ?? false)));
  const { graph, place } = gradientGraph(body, body.outs.map(differentiable), active, backward);
  const wanted = params.flatMap((_, i) => (active[i] && (i < carry || place[i] !== null) ? [i] : []));
  if (wanted.length === 0) return x.map(() => null);

  const values = params.map(freshParam);
  const cotangents = wanted.map((i) => freshParam(input(params, i)));
  const given = cotangents.filter((_, n) => (wanted[n] as number) < carry);
  const results = inlineGraph(graph, [...values, ...given]);
  const attrs: Attrs["loop"] = {
    body: {
      params: [...cotangents, ...values],
      outs: wanted.map((i) => {
        const index = place[i] ?? null;
        return index === null ? b.fill(input(params, i), 0) : (results[index] as Node);
      }),
    },
    length: 1,
    carry: wanted.length,
    xs: 0,
    reverse: false,
    guarded: true,
  };
  const zero = (i: number) => b.fill(input(x, i), 0);
  const starts = wanted.map((i) => (i < carry && gs[i]) || zero(i));
  const grads = outputsOf(b.make("loop", [...starts, ...x], attrs));
  return x.map((_, i) => grads[wanted.indexOf(i)] ?? null) satisfies Grads;
};
