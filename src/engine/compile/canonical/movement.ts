/** Rules for ops that only move elements. Afterwards padding is never negative. */
import { sameShape, sizeOf } from "../../../util/index.ts";
import type { Node } from "../../ir/index.ts";
import type { Rule, Rules } from "./rewriter.ts";
import { constantOf } from "./value.ts";

const at = (list: readonly number[], index: number): number => list[index] as number;
const only = (src: readonly Node[]): Node => src[0] as Node;

const reshape: Rule<"reshape"> = (b, src, _attrs, aval) => {
  const x = only(src);
  if (sameShape(x.aval.shape, aval.shape)) return x;
  const c = constantOf(x);
  if (c !== null) return b.const(aval, c);
  return x.op === "reshape" ? b.make("reshape", x.src, {}, aval) : null;
};

const permute: Rule<"permute"> = (b, src, { perm }, aval) => {
  const x = only(src);
  const c = constantOf(x);
  if (c !== null) return b.const(aval, c);
  // Where only axes of size 1 change places nothing moves.
  const moving = perm.filter((axis) => x.aval.shape[axis] !== 1);
  if (moving.every((axis, i) => i === 0 || at(moving, i - 1) < axis)) return b.reshape(x, aval.shape);
  if (x.op !== "permute") return null;
  const inner = x.attrs.perm;
  return b.make("permute", x.src, { perm: perm.map((axis) => at(inner, axis)) }, aval);
};

const expand: Rule<"expand"> = (b, src, _attrs, aval) => {
  const x = only(src);
  if (sameShape(x.aval.shape, aval.shape)) return x;
  const c = constantOf(x);
  if (c !== null) return b.const(aval, c);
  return x.op === "expand" ? b.make("expand", x.src, {}, aval) : null;
};

const slice: Rule<"slice"> = (b, src, { start, step }, aval) => {
  const x = only(src);
  const { shape } = aval;
  const from = x.aval.shape;
  const c = constantOf(x);
  if (c !== null) return b.const(aval, c);
  const whole = (axis: number) => at(start, axis) === 0 && (at(step, axis) === 1 || shape[axis] === 1);
  if (sameShape(from, shape) && shape.every((_, axis) => whole(axis))) return x;
  if (x.op === "slice") {
    const inner = x.attrs;
    return b.make(
      "slice",
      x.src,
      {
        start: start.map((first, axis) => at(inner.start, axis) + first * at(inner.step, axis)),
        step: step.map((by, axis) => by * at(inner.step, axis)),
      },
      aval,
    );
  }
  if (x.op === "expand") {
    // What was grown is sliced by growing less.
    const y = only(x.src);
    const grown = y.aval.shape.map((size, axis) => size === 1 && from[axis] !== 1);
    const kept = shape.map((size, axis) => (grown[axis] ? 1 : size));
    const sliced = b.make(
      "slice",
      [y],
      {
        start: start.map((first, axis) => (grown[axis] ? 0 : first)),
        step: step.map((by, axis) => (grown[axis] ? 1 : by)),
      },
      { dtype: aval.dtype, shape: kept },
    );
    return b.make("expand", [sliced], {}, aval);
  }
  if (x.op === "concat") {
    const { axis } = x.attrs;
    const first = at(start, axis);
    const last = first + (at(shape, axis) - 1) * at(step, axis);
    let begin = 0;
    for (const part of x.src) {
      const end = begin + at(part.aval.shape, axis);
      if (Math.min(first, last) >= begin && Math.max(first, last) < end) {
        const moved = start.map((value, other) => (other === axis ? value - begin : value));
        return b.make("slice", [part], { start: moved, step }, aval);
      }
      begin = end;
    }
    return null;
  }
  if (x.op === "pad" && x.attrs.interior.every((gap) => gap === 0)) {
    // A slice that stays inside the padding does not need it.
    const { lo } = x.attrs;
    const y = only(x.src);
    const inside = shape.every((size, axis) => {
      const first = at(start, axis) - at(lo, axis);
      const last = first + (size - 1) * at(step, axis);
      return Math.min(first, last) >= 0 && Math.max(first, last) < at(y.aval.shape, axis);
    });
    if (inside) {
      const moved = start.map((value, axis) => value - at(lo, axis));
      return b.make("slice", [y], { start: moved, step }, aval);
    }
  }
  return null;
};

const pad: Rule<"pad"> = (b, src, { lo, hi, interior, value }, aval) => {
  const x = only(src);
  const from = x.aval.shape;
  const { dtype } = aval;
  if (sizeOf(from) === 0) return b.const(aval, value);
  const c = constantOf(x);
  if (c !== null && Object.is(c, value)) return b.const(aval, value);
  const gaps = interior.map((gap, axis) => (from[axis] === 1 ? 0 : gap));
  if ([...lo, ...hi, ...gaps].every((n) => n === 0)) return x;
  if (lo.some((n) => n < 0) || hi.some((n) => n < 0)) {
    const positive = (list: readonly number[]) => list.map((n) => Math.max(0, n));
    const [low, high] = [positive(lo), positive(hi)];
    const padded = from.map((n, axis) => n + (n - 1) * at(gaps, axis) + at(low, axis) + at(high, axis));
    const y = b.make("pad", [x], { lo: low, hi: high, interior: gaps, value }, { dtype, shape: padded });
    const start = lo.map((n) => Math.max(0, -n));
    return b.make("slice", [y], { start, step: lo.map(() => 1) }, aval);
  }
  const zeros = lo.map(() => 0);
  const dilates = gaps.some((gap) => gap > 0);
  if (
    !dilates &&
    x.op === "pad" &&
    Object.is(x.attrs.value, value) &&
    x.attrs.interior.every((gap) => gap === 0)
  ) {
    const inner = x.attrs;
    return b.make(
      "pad",
      x.src,
      {
        lo: lo.map((n, axis) => n + at(inner.lo, axis)),
        hi: hi.map((n, axis) => n + at(inner.hi, axis)),
        interior: zeros,
        value,
      },
      aval,
    );
  }
  const same = gaps.every((gap, axis) => gap === interior[axis]);
  return same ? null : b.make("pad", [x], { lo, hi, interior: gaps, value }, aval);
};

const concat: Rule<"concat"> = (b, src, { axis }, aval) => {
  const parts = src
    .filter((part) => part.aval.shape[axis] !== 0)
    .flatMap((part) => (part.op === "concat" && part.attrs.axis === axis ? part.src : [part]));
  if (parts.length === 1) return parts[0] as Node;
  const c = constantOf(parts[0]);
  if (c !== null && parts.every((part) => Object.is(constantOf(part), c))) return b.const(aval, c);
  return parts.length === src.length && parts.every((part, i) => part === src[i])
    ? null
    : b.make("concat", parts, { axis }, aval);
};

/** One axis of indices is the leaf; others are views of it, so that a load-free affine index serves every iota. */
const iota: Rule<"iota"> = (b, _src, { axis }, aval) => {
  const { shape, dtype } = aval;
  const size = at(shape, axis);
  if (size === 1) return b.const(aval, 0);
  if (shape.length === 1) return null;
  const line = b.make("iota", [], { axis: 0 }, { dtype, shape: [size] });
  const thin = shape.map((_, other) => (other === axis ? size : 1));
  return b.make("expand", [b.reshape(line, thin)], {}, aval);
};

export const movementRules: Rules = { reshape, permute, expand, slice, pad, concat, iota };
