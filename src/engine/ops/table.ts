/** The table of primitives: what each is, infers, means and how it is differentiated. Ask it rather than an op's name. */
import type { Op, ScalarOp } from "../ir/index.ts";
import type { Kernel } from "./evaluate/index.ts";
import { type Computed, kernels } from "./evaluate/index.ts";
import { type InferRow, inferTable } from "./infer/index.ts";
import { scalarRows } from "./scalar.ts";
import { type Vjp, vjps } from "./vjp/index.ts";

/** The group of ARCHITECTURE's table. `scalar` computes each element from the elements at the same place. */
export type OpKind =
  | "leaf"
  | "scalar"
  | "reduce"
  | "movement"
  | "index"
  | "contraction"
  | "window"
  | "order"
  | "structure";

export interface OpRow<K extends Op> {
  readonly kind: OpKind;
  readonly infer: InferRow<K>["infer"];
  /** How many sources; null: any number. */
  readonly sources: number | null;
  readonly vjp: Vjp<K> | null;
  /** null: nothing to compute (input, output). */
  readonly evaluate: Kernel<K> | null;
  /** Transcendental or a pass over more than one element: not worth computing twice. */
  readonly expensive: boolean;
}

const scalarKinds = Object.fromEntries(Object.keys(scalarRows).map((op) => [op, "scalar"])) as Readonly<
  Record<ScalarOp, "scalar">
>;

const kinds: { readonly [K in Op]: OpKind } = {
  ...scalarKinds,
  input: "leaf",
  const: "leaf",
  iota: "leaf",
  random: "leaf",
  cast: "scalar",
  reduce: "reduce",
  argReduce: "reduce",
  cumulate: "reduce",
  reshape: "movement",
  permute: "movement",
  expand: "movement",
  pad: "movement",
  slice: "movement",
  concat: "movement",
  gather: "index",
  scatter: "index",
  matmul: "contraction",
  conv: "contraction",
  convInputGrad: "contraction",
  convFilterGrad: "contraction",
  reduceWindow: "window",
  argWindow: "window",
  argsort: "order",
  composite: "structure",
  loop: "structure",
  output: "structure",
  stopGradient: "structure",
  copy: "structure",
  collective: "structure",
};

/** Cheap enough to be computed again by each consumer. */
function isExpensive(op: Op, kind: OpKind): boolean {
  if (Object.hasOwn(scalarRows, op)) return scalarRows[op as keyof typeof scalarRows].expensive;
  return op === "random" || !(kind === "leaf" || kind === "scalar" || kind === "movement");
}

function rowOf<K extends Op>(op: K): OpRow<K> {
  const kind = kinds[op];
  const { infer, sources } = inferTable[op] as InferRow<K>;
  const evaluate = Object.hasOwn(kernels, op) ? (kernels[op as Computed] as unknown as Kernel<K>) : null;
  return { kind, infer, sources, vjp: vjps[op] as Vjp<K> | null, evaluate, expensive: isExpensive(op, kind) };
}

export const ops = Object.fromEntries(
  (Object.keys(kinds) as Op[]).map((op) => [op, rowOf(op)]),
) as unknown as { readonly [K in Op]: OpRow<K> };

export const allOps = Object.keys(kinds) as readonly Op[];
