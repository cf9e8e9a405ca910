/** Rules for reductions, contractions, indexing and structure: sizes 0 and 1, splats, identities. */
import { sizeOf } from "../../../util/index.ts";
import { isFloat, type Node } from "../../ir/index.ts";
import type { Rule, Rules } from "./rewriter.ts";
import { constantOf, hold, neutral } from "./value.ts";

const at = (list: readonly number[], index: number): number => list[index] as number;
const node = (src: readonly Node[], index: number): Node => src[index] as Node;

const reduce: Rule<"reduce"> = (b, src, { kind, axes }, aval) => {
  const x = node(src, 0);
  const { shape } = x.aval;
  let count = 1;
  for (const axis of axes) count *= at(shape, axis);
  if (count === 0) return b.const(aval, neutral(kind, aval.dtype));
  if (count === 1) return b.reshape(x, aval.shape);
  const c = constantOf(x);
  if (c !== null) {
    const value = hold(kind === "sum" ? c * count : kind === "prod" ? c ** count : c, aval.dtype);
    if (value !== null) return b.const(aval, value);
  }
  // Axes of size 1 are dropped first, so that equal reductions look equal.
  const long = axes.filter((axis) => shape[axis] !== 1).sort((p, q) => p - q);
  if (long.length === axes.length) return null;
  const kept = shape.filter((_, axis) => !axes.includes(axis) || long.includes(axis));
  const renamed = long.map(
    (axis) => axis - axes.filter((other) => other < axis && !long.includes(other)).length,
  );
  return b.make("reduce", [b.reshape(x, kept)], { kind, axes: renamed }, aval);
};

const argReduce: Rule<"argReduce"> = (b, src, { axis }, aval) => {
  const x = node(src, 0);
  return x.aval.shape[axis] === 1 || x.op === "const" ? b.const(aval, 0) : null;
};

const cumulate: Rule<"cumulate"> = (_b, src, { axis }) =>
  node(src, 0).aval.shape[axis] === 1 ? node(src, 0) : null;

const gather: Rule<"gather"> = (b, src, { axis, fill }, aval) => {
  const [x, indices] = [node(src, 0), node(src, 1)];
  if (sizeOf(x.aval.shape) === 0 && x.aval.shape[axis] === 0) {
    return b.const(aval, fill ?? (isFloat(aval.dtype) ? Number.NaN : 0));
  }
  const [c, i] = [constantOf(x), constantOf(indices)];
  return c !== null && i !== null && i >= 0 && i < at(x.aval.shape, axis) ? b.const(aval, c) : null;
};

const scatter: Rule<"scatter"> = (_b, src) => (sizeOf(node(src, 1).aval.shape) === 0 ? node(src, 0) : null);

/** Products of two rows, and of a number and a row, are sums and products of elements: those fuse with what surrounds them. */
const matmul: Rule<"matmul"> = (b, src, { transposeA }, aval) => {
  if (src.some((x) => sizeOf(x.aval.shape) === 0)) return b.const(aval, 0);
  if (b.precision !== "f32") return null;
  const [x, y] = [node(src, 0), node(src, 1)];
  const { dtype, shape } = aval;
  const rank = shape.length;
  const batch = shape.slice(0, -2);
  const [m, n] = [at(shape, rank - 2), at(shape, rank - 1)];
  const k = at(x.aval.shape, transposeA ? rank - 2 : rank - 1);
  if (m === 1 && n === 1) {
    const rows = { dtype, shape: [...batch, k] };
    const products = b.make("mul", [b.reshape(x, rows.shape), b.reshape(y, rows.shape)], {}, rows);
    const sums = b.make("reduce", [products], { kind: "sum", axes: [rank - 2] }, { dtype, shape: batch });
    return b.reshape(sums, shape);
  }
  if (k !== 1 || sizeOf(batch) !== 1 || (m !== 1 && n !== 1)) return null;
  const left = b.make("expand", [b.reshape(x, [...batch, m, 1])], {}, aval);
  const right = b.make("expand", [b.reshape(y, [...batch, 1, n])], {}, aval);
  return b.make("mul", [left, right], {}, aval);
};

const emptyOperand =
  <K extends "conv" | "convInputGrad" | "convFilterGrad">(): Rule<K> =>
  (b, src, _attrs, aval) =>
    src.some((x) => sizeOf(x.aval.shape) === 0) ? b.const(aval, 0) : null;

const reduceWindow: Rule<"reduceWindow"> = (b, src, { kind }, aval) =>
  sizeOf(node(src, 0).aval.shape) === 0 ? b.const(aval, neutral(kind, aval.dtype)) : null;

const argsort: Rule<"argsort"> = (b, src, { axis }, aval) =>
  node(src, 0).aval.shape[axis] === 1 ? b.const(aval, 0) : null;

/** Equal keys may be shared; a plan runs on one device, so a copy inside it moves nothing. */
const identity = (_b: unknown, src: readonly Node[]): Node => node(src, 0);

export const heavyRules: Rules = {
  reduce,
  argReduce,
  cumulate,
  gather,
  scatter,
  matmul,
  conv: emptyOperand(),
  convInputGrad: emptyOperand(),
  convFilterGrad: emptyOperand(),
  reduceWindow,
  argsort,
  stopGradient: identity,
  copy: identity,
};
