/** The graph: immutable nodes of a closed set of primitives. Building one checks nothing; `ops` does (see `make`). */
import type { Aval } from "./aval.ts";
import type { DType } from "./dtype.ts";
import { currentScope, type Scope } from "./scope.ts";

/** A subgraph: what `composite` and `loop` run. `params` are `input` nodes without a value. */
export interface Graph {
  readonly params: readonly Node[];
  readonly outs: readonly Node[];
}

type None = Readonly<Record<string, never>>;

/** Padding of one spatial axis, before and after. */
export type PadPair = readonly [lo: number, hi: number];

/** Spatial attributes of the conv trio; x is [N, ...spatial, C], w is [...kernel, C/groups, O]. One entry per spatial axis. */
export interface ConvAttrs {
  readonly stride: readonly number[];
  readonly padding: readonly PadPair[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** Windows over every axis of the operand (window 1, stride 1 where an axis is left alone). Padding counts as -inf (max) or 0 (sum). */
export interface WindowAttrs {
  readonly window: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly PadPair[];
  readonly dilation: readonly number[];
}

/** Builds the gradients of a composite's inputs (null: none) from those of its outputs. */
export type CompositeVjp = (
  grads: readonly (Node | null)[],
  inputs: readonly Node[],
  outputs: readonly Node[],
) => readonly (Node | null)[];

/** What a device's kernel must know besides the shapes of its operands. */
export type KernelParams = Readonly<Record<string, number | boolean>>;

/** Every primitive and its attributes. The result's shape lives in `aval`; attributes repeat it only where it is not implied. */
export interface Attrs {
  // leaves
  /** A tensor that exists (node.value), or a parameter of a trace or subgraph (no value). */
  input: None;
  /** `value` everywhere in aval.shape. */
  const: { readonly value: number };
  /** The index along `axis`. */
  iota: { readonly axis: number };
  /** u32 bits from the key src[0]: u32[2]. See `ops/random`. */
  random: None;
  // unary
  exp: None;
  log: None;
  sqrt: None;
  sin: None;
  tanh: None;
  erf: None;
  floor: None;
  cast: { readonly dtype: DType };
  // binary
  add: None;
  sub: None;
  mul: None;
  div: None;
  pow: None;
  max: None;
  min: None;
  lt: None;
  le: None;
  eq: None;
  ne: None;
  bitAnd: None;
  bitOr: None;
  bitXor: None;
  shiftLeft: None;
  shiftRight: None;
  // ternary
  where: None;
  // reductions: the axes disappear from the shape
  reduce: { readonly kind: "sum" | "max" | "min" | "prod"; readonly axes: readonly number[] };
  /** i32 index of the first extreme along `axis`, which disappears. NaN counts as extreme. */
  argReduce: { readonly kind: "max" | "min"; readonly axis: number };
  /** Inclusive scan along `axis`; from the end when `reverse`. */
  cumulate: { readonly kind: "sum" | "max" | "prod"; readonly axis: number; readonly reverse: boolean };
  // movement
  reshape: None;
  permute: { readonly perm: readonly number[] };
  /** Same rank; axes of size 1 grow. */
  expand: None;
  /** lo, hi (may be negative: crop), interior >= 0 elements between neighbours, per axis; new places hold `value`. */
  pad: {
    readonly lo: readonly number[];
    readonly hi: readonly number[];
    readonly interior: readonly number[];
    readonly value: number;
  };
  /** out[i] = in[start + i * step] per axis; step may be negative, never 0; the size is in aval. */
  slice: { readonly start: readonly number[]; readonly step: readonly number[] };
  concat: { readonly axis: number };
  // indexing: i32 indices. Out of range: reads give `fill`, by default NaN (0 for integers, false); writes are dropped.
  /** along: indices have src[0]'s rank (take_along_axis). Else src[0]'s axis is replaced by the indices' shape (take). */
  gather: { readonly axis: number; readonly along: boolean; readonly fill?: number };
  /** [base, indices, updates]: the adjoint of gather onto base; updates apply in row-major order of indices. */
  scatter: { readonly mode: "add" | "set"; readonly axis: number; readonly along: boolean };
  // contraction: leading batch axes are equal in both
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean };
  conv: ConvAttrs;
  /** [gradOut, w] -> x; the shape of x is in aval. */
  convInputGrad: ConvAttrs;
  /** [x, gradOut] -> w; the shape of w is in aval. */
  convFilterGrad: ConvAttrs;
  // windows
  reduceWindow: WindowAttrs & { readonly kind: "sum" | "max" };
  /** i32 flat index into src[0] of each window's first maximum. */
  argWindow: WindowAttrs & { readonly kind: "max" };
  // order
  /** i32 indices of the first k along `axis` in order; NaN last; equal elements keep their order. */
  argsort: { readonly axis: number; readonly descending: boolean; readonly k: number };
  // structure
  /** A named body, inlined unless it has `params` and the backend lists the name. With several outs, read them through `output`. */
  composite: {
    readonly name: string;
    readonly body: Graph;
    /** For a kernel: with the name and the operands' shapes, they say what the body computes. */
    readonly params?: KernelParams | undefined;
    readonly vjp?: CompositeVjp | undefined;
    /** Set by `checkpoint`: the backward pass recomputes the body instead of keeping what is inside. */
    readonly recompute?: boolean | undefined;
    /**
     * Set on such a backward pass: its first `gated` inputs count as there only once the others are. So it shares nothing with the
     * forward pass, whose intermediates need not be kept, and does not start before the gradient arrives.
     */
    readonly gated?: number | undefined;
  };
  /**
   * src = [...carry, ...xs, ...consts]; body params = [...carry, ...x slices, ...consts]; body outs = [...carry, ...y slices].
   * Result outs = [...final carry, ...stacked ys]; xs and ys run along axis 0, from the end when `reverse`.
   * A `guarded` loop has one round and only carries; its last const is a 0-d bool, and without it the carries stay as they are.
   */
  loop: {
    readonly body: Graph;
    readonly length: number;
    readonly carry: number;
    readonly xs: number;
    readonly reverse: boolean;
    readonly guarded?: boolean | undefined;
  };
  /** The index-th result of a composite or loop with several. */
  output: { readonly index: number };
  stopGradient: None;
  /** `from`: where the operand is, so that the gradient can go back; absent when it is the same device. */
  copy: { readonly device: string; readonly from?: string | undefined };
  collective: {
    readonly kind: "allReduce" | "allGather" | "reduceScatter" | "broadcast";
    readonly axis: number;
  };
}

export type Op = keyof Attrs;

/** Memory a node's value lives in; the runtime's Storage. */
export interface Value {
  readonly aval: Aval;
}

export interface NodeOf<K extends Op> {
  readonly op: K;
  /** Emptied when the node is realised, so that the graph behind it can be collected. */
  src: readonly Node[];
  readonly aval: Aval;
  readonly attrs: Attrs[K];
  readonly id: number;
  /** Avals of every result, for composite and loop; `aval` is the first. */
  readonly outs?: readonly Aval[] | undefined;
  /** What it was made for. */
  readonly scope: Scope;
  /** Set once, when realised. */
  value: Value | null;
}

export type Node = { [K in Op]: NodeOf<K> }[Op];

let nextId = 1;

/** A node without any check; use `make` from `ops` unless the aval is known to be right. */
export function rawNode<K extends Op>(
  op: K,
  src: readonly Node[],
  aval: Aval,
  attrs: Attrs[K],
  outs?: readonly Aval[],
  scope: Scope = currentScope(),
): Node {
  return { op, src, aval, attrs, id: nextId++, outs, scope, value: null } as unknown as Node;
}

const none: readonly never[] = [];
const nothing: None = {};

/** A node that has its value. Many are made in each call of a compiled function, so they share what is empty. */
export function valueNode(value: Value): Node {
  const node = rawNode("input", none, value.aval, nothing);
  node.value = value;
  return node;
}

/** Nodes reachable from `roots` through src, producers first. Iterative: graphs may be 100,000 nodes deep. */
export function topologicalOrder(roots: readonly Node[]): Node[] {
  const order: Node[] = [];
  const state = new Map<Node, boolean>(); // false: entered, true: left
  const stack: Node[] = [...roots].reverse();
  while (stack.length > 0) {
    const node = stack[stack.length - 1] as Node;
    const left = state.get(node);
    if (left === undefined) {
      state.set(node, false);
      for (let i = node.src.length - 1; i >= 0; i--) {
        const source = node.src[i] as Node;
        if (!state.has(source)) stack.push(source);
      }
    } else {
      stack.pop();
      if (!left) {
        state.set(node, true);
        order.push(node);
      }
    }
  }
  return order;
}
