/**
 * The scalar primitives, one row each: meaning in JS (f64), in C++ and in WGSL, result type and derivative.
 * Adding a scalar op is adding a row here (and its name to ir/node's Attrs and ir/fused's ScalarOp).
 */
import type { Node, ScalarOp } from "../ir/index.ts";
import type { Build } from "./build.ts";
import { erf } from "./special.ts";

/**
 * float: f32 -> f32. number: f32, i32, u32 -> same. compare: any equal dtypes -> bool.
 * bits: i32, u32, bool -> same. shift: i32, u32 -> same. select: (bool, T, T) -> T.
 */
export type Signature = "float" | "number" | "compare" | "bits" | "shift" | "select";

export interface ScalarRow {
  readonly arity: 1 | 2 | 3;
  readonly signature: Signature;
  /** f64 meaning; bool is 0 / 1. Integer results are wrapped to their dtype by the caller. */
  readonly js: (a: number, b: number, c: number) => number;
  /** The meaning on integers where it is another one; `unsigned` for u32. */
  readonly jsInt?: (a: number, b: number, unsigned: boolean) => number;
  /**
   * C++ over vectors a, b, c of the operand type (VF for f32, VI for i32, VU for u32; bool is a VI mask of 0 / -1).
   * A compare yields a VI mask. Where integers need another text, `cppInt` gives it.
   */
  readonly cpp: string;
  readonly cppInt?: string;
  readonly wgsl: string;
  /** Transcendental or slow: not worth computing twice. */
  readonly expensive: boolean;
  /** Gradients of the inputs given that of the output; null where there is none. */
  readonly vjp: ((b: Build, g: Node, x: readonly Node[], y: Node) => (Node | null)[]) | null;
}

const row = (
  arity: 1 | 2 | 3,
  signature: Signature,
  js: ScalarRow["js"],
  cpp: string,
  wgsl: string,
  vjp: ScalarRow["vjp"],
  more: Partial<Pick<ScalarRow, "jsInt" | "cppInt" | "expensive">> = {},
): ScalarRow => ({ arity, signature, js, cpp, wgsl, vjp, expensive: false, ...more });

const at = (x: readonly Node[], i: number): Node => x[i] as Node;
const slow = { expensive: true };

/** max and min: the gradient goes to the winner; at a tie both get half, as in PyTorch and JAX. */
const extreme =
  (winnerIfLess: 0 | 1) =>
  (b: Build, g: Node, x: readonly Node[]): Node[] => {
    const zero = b.fill(g, 0);
    const half = b.mul(g, b.fill(g, 0.5));
    const less = b.lt(at(x, 0), at(x, 1));
    const tie = b.eq(at(x, 0), at(x, 1));
    const ifLess = b.where(tie, half, b.where(less, g, zero));
    const ifMore = b.where(tie, half, b.where(less, zero, g));
    return winnerIfLess === 0 ? [ifLess, ifMore] : [ifMore, ifLess];
  };

export const scalarRows: { readonly [K in ScalarOp]: ScalarRow } = {
  exp: row(1, "float", Math.exp, "vexp(a)", "exp(a)", (b, g, _x, y) => [b.mul(g, y)], slow),
  log: row(1, "float", Math.log, "vlog(a)", "log(a)", (b, g, x) => [b.div(g, at(x, 0))], slow),
  sqrt: row(1, "float", Math.sqrt, "vsqrt(a)", "sqrt(a)", (b, g, _x, y) => [b.div(g, b.add(y, y))]),
  sin: row(
    1,
    "float",
    Math.sin,
    "vsin(a)",
    "sin(a)",
    (b, g, x) => {
      // cos x = 1 - 2 sin^2(x/2); sin(x + pi/2) would round away the low bits of a large x.
      const half = b.sin(b.mul(at(x, 0), b.fill(g, 0.5)));
      return [b.mul(g, b.sub(b.fill(g, 1), b.mul(b.fill(g, 2), b.mul(half, half))))];
    },
    slow,
  ),
  tanh: row(
    1,
    "float",
    Math.tanh,
    "vtanh(a)",
    "tanh(clamp(a, -15.0, 15.0))",
    (b, g, _x, y) => [b.mul(g, b.sub(b.fill(g, 1), b.mul(y, y)))],
    slow,
  ),
  erf: row(
    1,
    "float",
    erf,
    "verf(a)",
    "erf(a)",
    (b, g, x) => [
      b.mul(g, b.mul(b.fill(g, 2 / Math.sqrt(Math.PI)), b.exp(b.neg(b.mul(at(x, 0), at(x, 0)))))),
    ],
    slow,
  ),
  floor: row(1, "float", Math.floor, "vfloor(a)", "floor(a)", null),
  add: row(
    2,
    "number",
    (a, b) => a + b,
    "a + b",
    "a + b",
    (_b, g) => [g, g],
  ),
  sub: row(
    2,
    "number",
    (a, b) => a - b,
    "a - b",
    "a - b",
    (b, g) => [g, b.neg(g)],
  ),
  mul: row(
    2,
    "number",
    (a, b) => a * b,
    "a * b",
    "a * b",
    (b, g, x) => [b.mul(g, at(x, 1)), b.mul(g, at(x, 0))],
    { jsInt: Math.imul },
  ),
  div: row(
    2,
    "number",
    (a, b) => a / b,
    "a / b",
    "a / b",
    (b, g, x, y) => {
      const q = b.div(g, at(x, 1));
      return [q, b.neg(b.mul(q, y))];
    },
    // Integers truncate towards zero; x / 0 is 0.
    { jsInt: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)), cppInt: "vidiv(a, b)" },
  ),
  pow: row(
    2,
    "float",
    // As IEEE 754 and C have it, unlike JavaScript: 1 to any power is 1, even NaN; (-1) to an infinite power is 1.
    (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b),
    "vpow(a, b)",
    "pow(a, b)",
    (b, g, x, y) => {
      const [base, exponent] = [at(x, 0), at(x, 1)];
      const one = b.fill(g, 1);
      const zero = b.fill(g, 0);
      // b * a^(b-1), and 0 for b = 0 even where a = 0: the exponent is made 0 there, so that no derivative meets 0 * inf.
      // log of a non-positive base counts as 0.
      const reduced = b.sub(b.where(b.eq(exponent, zero), one, exponent), one);
      const toBase = b.mul(exponent, b.pow(base, reduced));
      const positive = b.lt(zero, base);
      const toExponent = b.where(positive, b.mul(y, b.log(b.where(positive, base, one))), zero);
      return [b.mul(g, toBase), b.mul(g, toExponent)];
    },
    slow,
  ),
  max: row(2, "number", (a, b) => Math.max(a, b), "vmax(a, b)", "max(a, b)", extreme(1)),
  min: row(2, "number", (a, b) => Math.min(a, b), "vmin(a, b)", "min(a, b)", extreme(0)),
  lt: row(2, "compare", (a, b) => +(a < b), "a < b", "a < b", null),
  le: row(2, "compare", (a, b) => +(a <= b), "a <= b", "a <= b", null),
  eq: row(2, "compare", (a, b) => +(a === b), "a == b", "a == b", null),
  ne: row(2, "compare", (a, b) => +(a !== b), "a != b", "a != b", null),
  bitAnd: row(2, "bits", (a, b) => a & b, "a & b", "a & b", null),
  bitOr: row(2, "bits", (a, b) => a | b, "a | b", "a | b", null),
  bitXor: row(2, "bits", (a, b) => a ^ b, "a ^ b", "a ^ b", null),
  // Shifts take the count modulo 32, as JS and WGSL do; i32 shifts right arithmetically.
  shiftLeft: row(2, "shift", (a, b) => a << b, "a << (b & 31)", "a << (u32(b) & 31u)", null),
  shiftRight: row(2, "shift", (a, b) => a >> b, "a >> (b & 31)", "a >> (u32(b) & 31u)", null, {
    jsInt: (a, b, unsigned) => (unsigned ? a >>> b : a >> b),
  }),
  where: row(
    3,
    "select",
    (a, b, c) => (a !== 0 ? b : c),
    "vsel(a, b, c)",
    "select(c, b, a)",
    (b, g, x) => {
      const zero = b.fill(g, 0);
      return [null, b.where(at(x, 0), g, zero), b.where(at(x, 0), zero, g)];
    },
  ),
};

export const isScalarOp = (op: string): op is ScalarOp => Object.hasOwn(scalarRows, op);
