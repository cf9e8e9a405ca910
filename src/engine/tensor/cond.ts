/** cond: work that is left out unless a condition, known only when the graph runs, holds. */
import { ShapeError } from "../../util/index.ts";
import { formatAval } from "../ir/index.ts";
import { make, outputsOf } from "../ops/index.ts";
import { wrap } from "./apply.ts";
import { checkCarry, rebuild, tensorsOf } from "./carry.ts";
import type { Tensor } from "./tensor.ts";
import { traceGraph } from "./trace.ts";

/**
 * fn(operands) where the predicate, bool[], is true, else the operands as they are: a tree of the same structure, shapes and dtypes.
 * What `fn` makes is computed only then, on every device, also what it makes of tensors from outside; what it uses that was made before
 * is computed in any case. `fn` is traced once. Differentiable by operands and by what is captured, not by the predicate.
 * For work that is due every k steps; where both values are cheap, `where` is cheaper.
 * @throws ShapeError when the predicate is not bool[], or `fn` changes structure, shapes or dtypes.
 * @throws ConfigError for leaves that are no tensors, numbers or null.
 * @example const root = cond(step.remainder(10).eq(0), () => inverseRoot(statistics), previousRoot);
 */
export function cond<T>(predicate: Tensor, fn: (operands: T) => T, operands: T): T {
  const { aval } = predicate.node;
  if (aval.dtype !== "bool" || aval.shape.length > 0) {
    throw new ShapeError(`cond: the predicate must be bool[]; got ${formatAval(aval)}.`);
  }
  const carries = tensorsOf("cond", "the operands", operands);
  if (carries.length === 0) return operands;
  const { body, captures } = traceGraph(
    carries.map((x) => x.node.aval),
    (params) => {
      const result = fn(rebuild<T>(operands, params));
      const results = tensorsOf("cond", "what fn returns", result);
      checkCarry("cond: fn must return operands", [carries, operands], [results, result]);
      return results;
    },
    false,
  );
  const guard = make("input", [], {}, [], "bool");
  const node = make("loop", [...carries.map((x) => x.node), ...captures, predicate.node], {
    body: { params: [...body.params, guard], outs: body.outs },
    length: 1,
    carry: carries.length,
    xs: 0,
    reverse: false,
    guarded: true,
  });
  return rebuild<T>(operands, outputsOf(node).map(wrap));
}
