/** The derivative rule of every primitive. */
import type { Op, ScalarOp } from "../../ir/index.ts";
import { build } from "../builder.ts";
import { scalarRows } from "../scalar.ts";
import { contractions } from "./contraction.ts";
import { indexing } from "./indexing.ts";
import { loops } from "./loop.ts";
import { movements } from "./movement.ts";
import { reductions } from "./reduce.ts";
import { input, type Vjp, type VjpTable } from "./rule.ts";
import { structure } from "./structure.ts";
import { windows } from "./window.ts";

export type { Backward, Grads, MultiOp, Vjp } from "./rule.ts";
export { accumulate, differentiable } from "./rule.ts";

const scalars = Object.fromEntries(
  Object.entries(scalarRows).map(([op, { vjp }]): [string, Vjp<"add"> | null] => [
    op,
    vjp === null ? null : (g, x, y) => vjp(build, g, x, y),
  ]),
) as unknown as VjpTable<ScalarOp>;

export const vjps: VjpTable<Op> = {
  input: null,
  const: null,
  iota: null,
  random: null,
  ...scalars,
  cast: (g, x) => [build.cast(g, input(x, 0).aval.dtype)],
  ...reductions,
  ...movements,
  ...indexing,
  ...contractions,
  ...windows,
  argsort: null,
  ...structure,
  ...loops,
};
