/** The interface of the builder that vjp rules use: one checked node per call. The object is in builder.ts. */
import type { Shape } from "../../util/index.ts";
import type { Attrs, DType, Node, Op } from "../ir/index.ts";

/** Ops whose shape and dtype must be told. */
export type ToldLeaf = "input" | "const" | "iota";
/** Ops whose shape must be told. */
export type ToldShape = "random" | "reshape" | "expand" | "slice" | "convInputGrad" | "convFilterGrad";

/** What `make` takes beyond sources and attributes. */
export type ToldOf<K extends Op> = K extends ToldLeaf
  ? [shape: Shape, dtype: DType]
  : K extends ToldShape
    ? [shape: Shape]
    : [];

export interface Build {
  /** Any primitive, with shape inference and its errors. */
  make<K extends Op>(op: K, src: readonly Node[], attrs: Attrs[K], ...told: ToldOf<K>): Node;
  /** `value` everywhere in the shape and dtype of `like`. */
  fill(like: Node, value: number): Node;
  /** `value` everywhere. */
  full(shape: Shape, value: number, dtype?: DType): Node;
  scalar(value: number, dtype?: DType): Node;
  /** The index along `axis`. */
  iota(shape: Shape, axis: number, dtype?: DType): Node;
  neg(x: Node): Node;
  exp(x: Node): Node;
  log(x: Node): Node;
  sqrt(x: Node): Node;
  sin(x: Node): Node;
  tanh(x: Node): Node;
  erf(x: Node): Node;
  floor(x: Node): Node;
  /** `x` itself when it has that dtype. */
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
  bitAnd(a: Node, b: Node): Node;
  where(condition: Node, a: Node, b: Node): Node;
  /** The axes disappear. */
  sum(x: Node, axes: readonly number[]): Node;
  /** `x` itself when it has that shape; so do permute and expand. */
  reshape(x: Node, shape: Shape): Node;
  permute(x: Node, perm: readonly number[]): Node;
  /** Same rank. */
  expand(x: Node, shape: Shape): Node;
  pad(
    x: Node,
    lo: readonly number[],
    hi: readonly number[],
    interior?: readonly number[],
    value?: number,
  ): Node;
  slice(x: Node, start: readonly number[], step: readonly number[], shape: Shape): Node;
  gather(x: Node, indices: Node, axis: number, along: boolean): Node;
  scatter(mode: "add" | "set", base: Node, indices: Node, updates: Node, axis: number, along: boolean): Node;
}
