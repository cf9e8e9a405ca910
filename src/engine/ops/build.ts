/** The builder that vjp rules are given: one checked node per call. */
import type { Attrs, DType, Node, Op } from "../ir/index.ts";
import type { Shape } from "../../util/index.ts";

export interface Build {
  /** Any primitive, with shape inference and its errors. */
  make<K extends Op>(op: K, src: readonly Node[], attrs: Attrs[K]): Node;
  /** `value` everywhere in the shape and dtype of `like`. */
  fill(like: Node, value: number): Node;
  scalar(value: number, dtype?: DType): Node;
  neg(x: Node): Node;
  exp(x: Node): Node;
  log(x: Node): Node;
  sqrt(x: Node): Node;
  sin(x: Node): Node;
  tanh(x: Node): Node;
  erf(x: Node): Node;
  floor(x: Node): Node;
  cast(x: Node, dtype: DType): Node;
  add(a: Node, b: Node): Node;
  sub(a: Node, b: Node): Node;
  mul(a: Node, b: Node): Node;
  div(a: Node, b: Node): Node;
  pow(a: Node, b: Node): Node;
  max(a: Node, b: Node): Node;
  min(a: Node, b: Node): Node;
  lt(a: Node, b: Node): Node;
  le(a: Node, b: Node): Node;
  eq(a: Node, b: Node): Node;
  ne(a: Node, b: Node): Node;
  where(condition: Node, a: Node, b: Node): Node;
  sum(x: Node, axes: readonly number[]): Node;
  reshape(x: Node, shape: Shape): Node;
  permute(x: Node, perm: readonly number[]): Node;
  /** Same rank. */
  expand(x: Node, shape: Shape): Node;
}
