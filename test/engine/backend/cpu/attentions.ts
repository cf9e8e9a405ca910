/** Attentions of all forms, with their gradients, as plans for any device. */
import { grad, type Tensor } from "nabla";
import { scaledDotProductAttention } from "nabla/nn";
import { compile } from "../../../../src/engine/compile/index.ts";
import type { Capabilities, Plan } from "../../../../src/engine/ir/index.ts";
import { given } from "../../compile/trace.ts";

export interface Form {
  readonly name: string;
  readonly batch: number;
  readonly heads: number;
  readonly groups: number;
  readonly queries: number;
  readonly keys: number;
  readonly width: number;
  readonly valueWidth: number;
  readonly causal?: boolean;
  /** Axes of the mask, each 1 or as the scores have it. */
  readonly mask?: readonly [number, number, number, number];
}

const plain = { batch: 2, heads: 4, groups: 4, queries: 70, keys: 70, width: 16, valueWidth: 16 };
export const forms: readonly Form[] = [
  { ...plain, name: "whole blocks", queries: 64, keys: 128 },
  { ...plain, name: "odd sizes", queries: 33, keys: 131, width: 13, valueWidth: 9 },
  { ...plain, name: "one query", queries: 1 },
  { ...plain, name: "causal", causal: true },
  { ...plain, name: "causal, more queries than keys", queries: 100, keys: 37, causal: true },
  { ...plain, name: "grouped", groups: 2, causal: true },
  { ...plain, name: "one group", groups: 1, queries: 40 },
  { ...plain, name: "a mask of keys", mask: [2, 1, 1, 70] },
  { ...plain, name: "a mask of pairs", mask: [1, 1, 70, 70], causal: true },
  { ...plain, name: "a mask of all", groups: 2, mask: [2, 4, 70, 70] },
];

export interface Planned {
  readonly plan: Plan;
  readonly inputs: readonly Tensor[];
}

/** q, k, v as slices of one projection of [batch, time, ...] where their times agree, and the mask as numbers. */
export function attentionPlan(form: Form, caps: Capabilities): Planned {
  const { batch, heads, groups, queries, keys, width, valueWidth, causal = false, mask } = form;
  const sizes = [heads * width, groups * width, groups * valueWidth];
  const times = [queries, keys, keys];
  const fused = queries === keys;
  const sources = fused
    ? [given([batch, keys, sizes.reduce((a, b) => a + b)])]
    : sizes.map((size, i) => given([batch, times[i] as number, size]));
  const parts = fused ? (sources[0] as Tensor).split(sizes, -1) : sources;
  const inside = (i: number, count: number) =>
    (parts[i] as Tensor).reshape([batch, times[i] as number, count, -1]).permute([0, 2, 1, 3]);
  const chosen = mask && given(mask);
  const options = { causal, ...(chosen && { mask: chosen.gt(0) }) };
  const weights = given([batch, heads, queries, valueWidth]);
  const all = [inside(0, heads), inside(1, groups), inside(2, groups)] as const;
  const out = scaledDotProductAttention(...all, options);
  const grads = grad(
    (...each: Tensor[]) =>
      scaledDotProductAttention(each[0] as Tensor, each[1] as Tensor, each[2] as Tensor, options)
        .mul(weights)
        .sum(),
    { argnums: [0, 1, 2] },
  )(...all);
  const inputs = [...sources, ...(chosen ? [chosen] : []), weights];
  const graph = {
    inputs: inputs.map(({ node }) => node),
    outputs: [out, ...grads].map(({ node }) => node),
    donated: inputs.map(() => false),
  };
  return { plan: compile(graph, caps, { verify: true }), inputs };
}
