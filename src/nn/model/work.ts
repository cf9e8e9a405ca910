/** What a graph costs to compute once: floating-point operations, counted on its primitives as they are written. */
import { type Attrs, type Node, type NodeOf, type Op, topologicalOrder } from "../../engine/ir/index.ts";
import { type Shape, sizeOf } from "../../util/index.ts";

export interface Work {
  /**
   * Floating-point operations: two for each multiply-add of matrix products and convolutions (padding included), one for each f32
   * result of other arithmetic and each f32 operand of a reduction; comparisons, choices, casts and moving count nothing.
   */
  readonly flops: number;
  /** Multiply-adds of matrix products and convolutions alone: what papers often call FLOPs. */
  readonly macs: number;
}

export const noWork: Work = { flops: 0, macs: 0 };

export const addWork = (a: Work, b: Work): Work => ({ flops: a.flops + b.flops, macs: a.macs + b.macs });

type Rule<K extends Op> = (node: NodeOf<K>) => Work;

const free = (): Work => noWork;
const products = (macs: number): Work => ({ flops: 2 * macs, macs });
const operations = (flops: number, node: Node): Work =>
  node.aval.dtype === "f32" ? { flops, macs: 0 } : noWork;
const each = (node: Node): Work => operations(sizeOf(node.aval.shape), node);
const source = (node: Node, index: number): Node => node.src[index] as Node;
const ofSource = (node: Node, index: number): number => sizeOf(source(node, index).aval.shape);
/** The weights an output of a convolution is a sum over: [...kernel, channels / groups]. */
const window = (weights: Shape): number => sizeOf(weights.slice(0, -1));

const rules: { readonly [K in Op]: Rule<K> } = {
  input: free,
  const: free,
  iota: free,
  random: free,
  exp: each,
  log: each,
  sqrt: each,
  sin: each,
  tanh: each,
  erf: each,
  floor: each,
  cast: free,
  add: each,
  sub: each,
  mul: each,
  div: each,
  pow: each,
  max: each,
  min: each,
  lt: free,
  le: free,
  eq: free,
  ne: free,
  bitAnd: free,
  bitOr: free,
  bitXor: free,
  shiftLeft: free,
  shiftRight: free,
  where: free,
  reduce: (node) => operations(ofSource(node, 0), node),
  argReduce: free,
  cumulate: each,
  reshape: free,
  permute: free,
  expand: free,
  pad: free,
  slice: free,
  concat: free,
  gather: free,
  scatter: (node) => (node.attrs.mode === "add" ? operations(ofSource(node, 2), node) : noWork),
  matmul: (node) => {
    const inner = source(node, 0).aval.shape.at(node.attrs.transposeA ? -2 : -1) as number;
    return products(sizeOf(node.aval.shape) * inner);
  },
  conv: (node) => products(sizeOf(node.aval.shape) * window(source(node, 1).aval.shape)),
  convInputGrad: (node) => products(ofSource(node, 0) * window(source(node, 1).aval.shape)),
  convFilterGrad: (node) => products(ofSource(node, 1) * window(node.aval.shape)),
  reduceWindow: (node) => operations(sizeOf(node.aval.shape) * sizeOf(node.attrs.window), node),
  argWindow: free,
  argsort: free,
  composite: (node) => workOf(topologicalOrder(node.attrs.body.outs)),
  loop: (node) => {
    const { flops, macs } = workOf(topologicalOrder(node.attrs.body.outs));
    return { flops: flops * node.attrs.length, macs: macs * node.attrs.length };
  },
  output: free,
  stopGradient: free,
  copy: free,
  collective: free,
};

function ofNode<K extends Op>(node: NodeOf<K>): Work {
  const rule: Rule<K> = rules[node.op as K] as { readonly [P in keyof Attrs]: Rule<P> }[K];
  return rule(node);
}

/** The work of these nodes together, each once. */
export const workOf = (nodes: readonly Node[]): Work =>
  nodes.reduce((total, node) => addWork(total, ofNode(node)), noWork);
