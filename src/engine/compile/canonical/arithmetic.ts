/** Rules for scalar ops. Only what is bit-exact for every input, NaN, infinities and -0 included. */
import { type Aval, isFloat, type Node, type ScalarOp } from "../../ir/index.ts";
import { scalarRows } from "../../ops/index.ts";
import type { Rewriter, Rule, Rules } from "./rewriter.ts";
import { constantOf, foldCast, foldScalar, hold, isPowerOfTwo } from "./value.ts";

type Simplify = (b: Rewriter, src: readonly Node[], aval: Aval) => Node | null;

const at = (src: readonly Node[], index: number): Node => src[index] as Node;

/** x when `x` is y * -1. */
function negated(y: Node): Node | null {
  if (y.op !== "mul") return null;
  if (constantOf(y.src[1]) === -1) return at(y.src, 0);
  return constantOf(y.src[0]) === -1 ? at(y.src, 1) : null;
}

const simplify: { readonly [K in ScalarOp]?: Simplify } = {
  add(b, [x, y], aval) {
    if (x === undefined || y === undefined) return null;
    for (const [node, other] of [
      [x, y],
      [y, x],
    ] as const) {
      const c = constantOf(other);
      // x + 0 turns -0 into 0; x + -0 is x.
      if (c === 0 && (!isFloat(aval.dtype) || Object.is(c, -0))) return node;
    }
    const minus = negated(y);
    if (minus !== null) return b.make("sub", [x, minus], {}, aval);
    const first = negated(x);
    return first !== null ? b.make("sub", [y, first], {}, aval) : null;
  },
  sub(b, [x, y], aval) {
    if (x === undefined || y === undefined) return null;
    const c = constantOf(y);
    if (c === 0 && (!isFloat(aval.dtype) || !Object.is(c, -0))) return x;
    if (x === y && !isFloat(aval.dtype)) return b.const(aval, 0);
    const minus = negated(y);
    return minus !== null ? b.make("add", [x, minus], {}, aval) : null;
  },
  mul(b, [x, y], aval) {
    if (x === undefined || y === undefined) return null;
    for (const [node, other] of [
      [x, y],
      [y, x],
    ] as const) {
      const c = constantOf(other);
      if (c === null) continue;
      if (c === 1) return node;
      if (c === 0 && !isFloat(aval.dtype)) return b.const(aval, 0);
      if (node.op !== "mul") continue;
      // Two constant factors, one of which only flips the sign.
      for (const k of [0, 1] as const) {
        const inner = constantOf(node.src[k]);
        if (inner === null || (inner !== -1 && c !== -1)) continue;
        const both = hold(inner * c, aval.dtype);
        if (both === null || aval.dtype === "u32") continue;
        return b.make("mul", [at(node.src, 1 - k), b.const(aval, both)], {}, aval);
      }
    }
    return null;
  },
  div(b, [x, y], aval) {
    const c = constantOf(y);
    if (x === undefined || c === null) return null;
    if (c === 1) return x;
    if (aval.dtype !== "f32" || !isPowerOfTwo(c)) return null;
    return b.make("mul", [x, b.const(aval, 1 / c)], {}, aval);
  },
  pow(b, [x, y], aval) {
    const c = constantOf(y);
    if (x === undefined || c === null) return null;
    if (c === 0) return b.const(aval, 1);
    if (c === 1) return x;
    if (c === 2) return b.make("mul", [x, x], {}, aval);
    if (c === -1) return b.make("div", [b.const(aval, 1), x], {}, aval);
    return null;
  },
  max: (_b, [x, y]) => (x === y ? (x ?? null) : null),
  min: (_b, [x, y]) => (x === y ? (x ?? null) : null),
  bitAnd: (_b, [x, y]) => (x === y ? (x ?? null) : null),
  bitOr: (_b, [x, y]) => (x === y ? (x ?? null) : null),
  where(_b, [condition, x, y]) {
    const c = constantOf(condition);
    if (c !== null) return (c !== 0 ? x : y) ?? null;
    return x === y ? (x ?? null) : null;
  },
};

function scalarRule(op: ScalarOp): Rule<ScalarOp> {
  const own = simplify[op];
  return (b, src, _attrs, aval) => {
    const values = src.map(constantOf);
    if (values.every((value) => value !== null)) {
      const folded = foldScalar(op, values as number[], at(src, 0).aval.dtype, aval.dtype);
      if (folded !== null) return b.const(aval, folded);
    }
    return own?.(b, src, aval) ?? null;
  };
}

/** Casts from these lose nothing on the way to those. */
const lossless: Readonly<Record<string, readonly string[]>> = {
  bool: ["f32", "i32", "u32", "f16", "bf16", "i8", "u8"],
  i8: ["i32", "f32"],
  u8: ["i32", "u32", "f32"],
  f16: ["f32"],
  bf16: ["f32"],
};

const cast: Rule<"cast"> = (b, src, attrs, aval) => {
  const x = at(src, 0);
  if (x.aval.dtype === attrs.dtype) return x;
  const c = constantOf(x);
  if (c !== null) {
    const folded = foldCast(c, attrs.dtype);
    if (folded !== null) return b.const(aval, folded);
  }
  if (x.op === "cast") {
    const inner = at(x.src, 0);
    if (lossless[inner.aval.dtype]?.includes(x.aval.dtype)) return b.make("cast", [inner], attrs, aval);
  }
  return null;
};

export const arithmeticRules: Rules = {
  ...(Object.fromEntries((Object.keys(scalarRows) as ScalarOp[]).map((op) => [op, scalarRule(op)])) as Rules),
  cast,
};
