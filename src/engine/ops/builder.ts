/** The builder: each primitive as a function that makes a checked node. */
import { type Shape, sameShape } from "../../util/index.ts";
import type { DType, Node, ScalarOp } from "../ir/index.ts";
import type { Build } from "./build.ts";
import { make } from "./make.ts";

const none = {};
const unary = (op: ScalarOp) => (x: Node) => make(op, [x], none);
const binary = (op: ScalarOp) => (a: Node, b: Node) => make(op, [a, b], none);
const full = (shape: Shape, value: number, dtype: DType = "f32") =>
  make("const", [], { value }, shape, dtype);

export const build: Build = {
  make,
  full,
  fill: (like, value) => full(like.aval.shape, value, like.aval.dtype),
  scalar: (value, dtype) => full([], value, dtype),
  iota: (shape, axis, dtype = "i32") => make("iota", [], { axis }, shape, dtype),
  neg: (x) => make("mul", [x, full(x.aval.shape, -1, x.aval.dtype)], none),
  exp: unary("exp"),
  log: unary("log"),
  sqrt: unary("sqrt"),
  sin: unary("sin"),
  tanh: unary("tanh"),
  erf: unary("erf"),
  floor: unary("floor"),
  cast: (x, dtype) => (x.aval.dtype === dtype ? x : make("cast", [x], { dtype })),
  add: binary("add"),
  sub: binary("sub"),
  mul: binary("mul"),
  div: binary("div"),
  pow: binary("pow"),
  max: binary("max"),
  min: binary("min"),
  lt: binary("lt"),
  le: binary("le"),
  eq: binary("eq"),
  ne: binary("ne"),
  bitAnd: binary("bitAnd"),
  where: (condition, a, b) => make("where", [condition, a, b], none),
  sum: (x, axes) => (axes.length === 0 ? x : make("reduce", [x], { kind: "sum", axes })),
  reshape: (x, shape) => (sameShape(x.aval.shape, shape) ? x : make("reshape", [x], none, shape)),
  permute: (x, perm) => (perm.every((axis, i) => axis === i) ? x : make("permute", [x], { perm })),
  expand: (x, shape) => (sameShape(x.aval.shape, shape) ? x : make("expand", [x], none, shape)),
  pad: (x, lo, hi, interior = lo.map(() => 0), value = 0) => make("pad", [x], { lo, hi, interior, value }),
  slice: (x, start, step, shape) => make("slice", [x], { start, step }, shape),
  gather: (x, indices, axis, along) => make("gather", [x, indices], { axis, along }),
  scatter: (mode, base, indices, updates, axis, along) =>
    make("scatter", [base, indices, updates], { mode, axis, along }),
};
