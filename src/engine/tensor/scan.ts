/** scan: a loop over axis 0 that is one node of the graph, however long. */
import { ConfigError, ShapeError } from "../../util/index.ts";
import { formatAval } from "../ir/index.ts";
import { make, outputsOf } from "../ops/index.ts";
import { wrap } from "./apply.ts";
import { checkCarry, rebuild, tensorsOf } from "./carry.ts";
import type { Tensor } from "./tensor.ts";
import { traceGraph } from "./trace.ts";

export interface ScanOptions {
  /** Run from the last element to the first; results stay at their element's place. */
  readonly reverse?: boolean;
  /** How often, needed only when `xs` holds no tensor. */
  readonly length?: number;
}

/**
 * carry = init; for each i: [carry, ys[i]] = fn(carry, xs[i]); gives [last carry, ys stacked along a new axis 0].
 * carry, xs and ys are trees of tensors; `fn` is traced once, and may use tensors from outside. Differentiable: the backward pass
 * is a scan too.
 * @throws ShapeError when the carry changes shape or dtype, or the lengths of xs differ.
 * @example const [h, hs] = scan((h: Tensor, x: Tensor) => { const n = h.mul(w).add(x).tanh(); return [n, n]; }, h0, xs);
 */
export function scan<Carry, X, Y>(
  fn: (carry: Carry, x: X) => readonly [Carry, Y],
  init: Carry,
  xs: X,
  options: ScanOptions = {},
): [Carry, Y] {
  const carries = tensorsOf("scan", "the initial carry", init);
  const inputs = tensorsOf("scan", "xs", xs);
  const length = lengthOf(inputs, options.length);
  const slices = inputs.map((x) => ({ dtype: x.dtype, shape: x.shape.slice(1) }));
  let yTree: unknown = null;
  const step = (params: readonly Tensor[]) => {
    const carry = rebuild<Carry>(init, params.slice(0, carries.length));
    const [next, y] = fn(carry, rebuild<X>(xs, params.slice(carries.length)));
    yTree = y;
    const nexts = tensorsOf("scan", "the carry fn returns", next);
    checkCarry("scan: fn must return a carry", [carries, init], [nexts, next]);
    return [...nexts, ...tensorsOf("scan", "what fn returns", y)];
  };
  const { body, captures } = traceGraph([...carries.map((x) => x.node.aval), ...slices], step, true);
  if (body.outs.length === 0) return [init, yTree as Y];
  const node = make("loop", [...[...carries, ...inputs].map((x) => x.node), ...captures], {
    body,
    length,
    carry: carries.length,
    xs: inputs.length,
    reverse: options.reverse ?? false,
  });
  const outs = outputsOf(node).map(wrap);
  return [rebuild<Carry>(init, outs.slice(0, carries.length)), rebuild<Y>(yTree, outs.slice(carries.length))];
}

function lengthOf(inputs: readonly Tensor[], asked: number | undefined): number {
  for (const x of inputs) {
    if (x.ndim === 0)
      throw new ShapeError(`scan: xs must have an axis to run along; got ${formatAval(x.node.aval)}.`);
  }
  const lengths = [...inputs.map((x) => x.shape[0] as number), ...(asked === undefined ? [] : [asked])];
  const [length] = lengths;
  if (length === undefined) throw new ConfigError("scan: the length must be known. Give xs or { length }.");
  if (lengths.some((other) => other !== length)) {
    const got = inputs.map((x) => formatAval(x.node.aval)).join(" and ");
    throw new ShapeError(
      `scan: all xs must be equally long on axis 0; got ${got}${asked === undefined ? "" : ` and length ${asked}`}.`,
    );
  }
  return length;
}
