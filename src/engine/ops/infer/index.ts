/** Shape and dtype inference of every primitive. */
import { InternalError } from "../../../util/index.ts";
import type { Attrs, Aval, Op } from "../../ir/index.ts";
import { contractions } from "./contraction.ts";
import { indexing } from "./indexing.ts";
import { leaves } from "./leaves.ts";
import { movements } from "./movement.ts";
import { order } from "./order.ts";
import { reductions } from "./reduce.ts";
import type { InferRow, InferTable, Source, Told } from "./rule.ts";
import { casts, scalars } from "./scalar.ts";
import { structure } from "./structure.ts";
import { windows } from "./window.ts";

export type { InferRow, Source, Told } from "./rule.ts";
export { windowSize } from "./window.ts";

export const inferTable: InferTable<Op> = {
  ...leaves,
  ...scalars,
  ...casts,
  ...reductions,
  ...movements,
  ...indexing,
  ...contractions,
  ...windows,
  ...order,
  ...structure,
};

/**
 * The avals of an op's results: one, but for composite and loop.
 * Throws ShapeError and DTypeError, worded for the user.
 */
export function infer<K extends Op>(
  op: K,
  src: readonly Source[],
  attrs: Attrs[K],
  told: Told = {},
): readonly Aval[] {
  const row: InferRow<K> = inferTable[op];
  if (row.sources !== null && row.sources !== src.length) {
    throw new InternalError(`${op}: takes ${row.sources} operands; got ${src.length}.`);
  }
  return row.infer(src, attrs, told);
}
