/** autocast: a traced computation with what products read and make rounded to bf16 or f16, which is then what is stored. */
import { mapTree } from "../../util/index.ts";
import { type CompositeVjp, inScope, type Node, rawNode, topologicalOrder } from "../ir/index.ts";
import { build as b, make, remake } from "../ops/index.ts";
import { autocastPolicy, narrowComposites } from "./autocast-policy.ts";
import { Tensor } from "./tensor.ts";

export type StorageType = "bf16" | "f16";

/**
 * The tensors of `tree` computed with storage in `type`, by the table in autocast-policy.ts. A number that a product reads is rounded
 * for everyone who reads it; results are rounded behind their bias. Values are f32 still, but a compiled plan keeps the narrow ones.
 *
 * Gradients pass roundings straight through; f16, which overflows, rounds them too, as they would be stored. What `leaves` holds (the
 * parameters, masters in f32) is rounded for products alone; a product in bf16 rounds it while it packs, so that there is no copy.
 * Bodies of loops stay as they are.
 */
export function autocast<T>(
  type: StorageType,
  tree: T,
  leaves: unknown,
  bf16Products: boolean,
): { readonly tree: T /** What a traced tensor has become. */; readonly seen: (x: Tensor) => Tensor } {
  const stops = new Set<Node>();
  mapTree(leaves, (leaf) => {
    if (leaf instanceof Tensor) stops.add(leaf.node);
    return leaf;
  });
  const outputs: Node[] = [];
  mapTree(tree, (leaf) => {
    if (leaf instanceof Tensor) outputs.push(leaf.node);
    return leaf;
  });
  const became = rewrite(type, outputs, stops, bf16Products);
  const seen = (x: Tensor): Tensor => {
    const node = became.get(x.node);
    return node === undefined || node === x.node ? x : new Tensor(node);
  };
  return { tree: mapTree<T>(tree, (leaf) => (leaf instanceof Tensor ? seen(leaf) : leaf)), seen };
}

const isNarrow = (node: Node): boolean =>
  node.op === "composite" ? narrowComposites.has(node.attrs.name) : autocastPolicy[node.op] === "narrow";

function rewrite(
  type: StorageType,
  outputs: readonly Node[],
  stops: ReadonlySet<Node>,
  bf16Products: boolean,
): ReadonlyMap<Node, Node> {
  const order = topologicalOrder(outputs);
  const isLeaf = (node: Node): boolean => stops.has(node) || node.value !== null || node.op === "input";
  const origin = (node: Node): Node => {
    let at = node;
    while (!isLeaf(at) && autocastPolicy[at.op] === "moves") at = at.src[0] as Node;
    return at;
  };
  const readers = readersOf(order);
  const rounded = new Set<Node>();
  for (const node of order) {
    if (isLeaf(node) || !isNarrow(node)) continue;
    for (const source of node.src.map(origin)) if (!isLeaf(source) && isF32(source)) rounded.add(source);
    if (node.op !== "composite") rounded.add(behindBias(node, readers));
  }
  const became = new Map<Node, Node>();
  const visit = (node: Node): void => {
    if (isLeaf(node)) {
      became.set(node, node);
      return;
    }
    const packs = node.op === "matmul" && type === "bf16" && bf16Products;
    const src = node.src.map((source) => {
      const now = became.get(source) as Node;
      return isNarrow(node) && !packs && isF32(source) && isLeaf(origin(source)) ? round(now, type) : now;
    });
    const changed = src.some((source, index) => source !== node.src[index]);
    const now = changed ? remake(node, src) : node;
    became.set(node, rounded.has(node) ? withRoundedResult(now, type) : now);
  };
  for (const node of order) inScope(node.scope, () => visit(node));
  return became;
}

const isF32 = ({ aval, op }: Node): boolean => aval.dtype === "f32" && op !== "const";

function readersOf(order: readonly Node[]): ReadonlyMap<Node, readonly Node[]> {
  const readers = new Map<Node, Node[]>();
  for (const node of order) {
    for (const source of node.src) {
      const known = readers.get(source);
      if (known) known.push(node);
      else readers.set(source, [node]);
    }
  }
  return readers;
}

/** Where a product's result is whole: behind the bias that is added to it and to nothing else. */
function behindBias(product: Node, readers: ReadonlyMap<Node, readonly Node[]>): Node {
  let at = product;
  for (;;) {
    const [reader, ...others] = readers.get(at) ?? [];
    if (reader === undefined || others.length > 0) return product;
    if (reader.op === "add" && reader.src.some((other) => other !== at && other.op === "expand"))
      return reader;
    if (autocastPolicy[reader.op] !== "moves") return product;
    at = reader;
  }
}

const narrowed = (x: Node, type: StorageType): Node => b.cast(b.cast(x, type), "f32");

/** f16 rounds a gradient as storing it would: it may overflow, which loss scaling is told by. */
const gradient = (g: Node, type: StorageType): Node => (type === "f16" ? narrowed(g, type) : g);

function round(x: Node, type: StorageType): Node {
  const param = make("input", [], {}, x.aval.shape, x.aval.dtype);
  const body = { params: [param], outs: [narrowed(param, type)] };
  const vjp: CompositeVjp = ([g]) => [g ? gradient(g, type) : null];
  return make("composite", [x], { name: `round.${type}`, body, vjp });
}

/** A function with a gradient of its own is given its rounded result there, so that the other need not be kept. */
function withRoundedResult(node: Node, type: StorageType): Node {
  if (node.op !== "composite" || (node.outs?.length ?? 1) > 1) return round(node, type);
  const { attrs } = node;
  const [out] = attrs.body.outs;
  const { vjp } = attrs;
  if (out === undefined || vjp === undefined || attrs.params !== undefined) return round(node, type);
  const body = { params: attrs.body.params, outs: [narrowed(out, type)] };
  const own: CompositeVjp = ([g], x, y) => vjp([g ? gradient(g, type) : null], x, y);
  return rawNode("composite", node.src, node.aval, { ...attrs, body, vjp: own }, node.outs);
}
