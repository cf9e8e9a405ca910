/**
 * Loops over the same sources whose carries evolve alike become one loop that has the results of all: a derivative asks for a loop
 * again with what it keeps of each step. Stacked results that nobody reads are dropped.
 */
import { type Attrs, type Aval, type Graph, inScope, type Node, topologicalOrder } from "../../ir/index.ts";
import { inlineGraph } from "../../ops/index.ts";
import type { Rewriter } from "./rewriter.ts";

type Loop = Node & { op: "loop" };
/** Shares what is equal in a body. */
type Canonicalise = (params: readonly Node[], outs: readonly Node[]) => Graph;

/** A loop of a group, with what its body gives over the parameters the group shares, and which of its results are read. */
interface Member {
  readonly loop: Loop;
  readonly outs: readonly Node[];
  readonly read: readonly number[];
}

/** What a loop becomes, and where it has the results that are read. */
interface Joined {
  readonly attrs: Attrs["loop"];
  readonly places: ReadonlyMap<number, number>;
}

const isLoop = (node: Node): node is Loop => node.op === "loop";
const idsOf = (nodes: readonly Node[]): string => nodes.map(({ id }) => id).join();

/** The outputs with their loops joined. */
export function joinLoops(
  b: Rewriter,
  outputs: readonly Node[],
  canonicalise: Canonicalise,
): readonly Node[] {
  const order = topologicalOrder(outputs);
  const loops = order.filter(isLoop);
  if (loops.length === 0) return outputs;
  const read = new Map(loops.map((loop): [Node, Set<number>] => [loop, new Set()]));
  for (const { op, src, attrs } of order) if (op === "output") read.get(src[0] as Node)?.add(attrs.index);
  const joined = new Map<Loop, Joined>();
  const alike = groupBy(
    loops,
    ({ src, attrs: { length, carry, xs, reverse, guarded } }) =>
      `${length} ${carry} ${xs} ${reverse} ${guarded ?? false} ${idsOf(src)}`,
  );
  for (const group of alike) {
    const { params, members } = overSameParameters(group, read, canonicalise);
    const { carry } = (group[0] as Loop).attrs;
    for (const same of groupBy(members, ({ outs }) => idsOf(outs.slice(0, carry))))
      unite(params, same, joined);
  }
  return joined.size === 0 ? outputs : rebuild(b, order, outputs, joined);
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

function overSameParameters(
  group: readonly Loop[],
  read: ReadonlyMap<Node, ReadonlySet<number>>,
  canonicalise: Canonicalise,
): { params: readonly Node[]; members: Member[] } {
  const bodies = group.map(({ attrs }) => attrs.body);
  const [first] = bodies as [Graph];
  const alone = group.length === 1;
  const all = bodies.flatMap((body) => (body === first ? body.outs : inlineGraph(body, first.params)));
  const { params, outs } = alone ? first : canonicalise(first.params, all);
  let next = 0;
  const members = group.map((loop, n): Member => {
    const from = next;
    next += (bodies[n] as Graph).outs.length;
    const used = [...(read.get(loop) ?? [])].sort((p, q) => p - q);
    return { loop, outs: outs.slice(from, next), read: used };
  });
  return { params, members };
}

/** Notes what the members become; nothing where a loop is alone and all of it is read. */
function unite(params: readonly Node[], members: readonly Member[], joined: Map<Loop, Joined>): void {
  const { loop, outs } = members[0] as Member;
  const { carry } = loop.attrs;
  const all = outs.slice(0, carry);
  const places = members.map(({ outs: own, read }) => {
    const placeOf = (index: number): number => {
      if (index < carry) return index;
      const known = all.indexOf(own[index] as Node, carry);
      return known >= 0 ? known : all.push(own[index] as Node) - 1;
    };
    return new Map(read.map((index) => [index, placeOf(index)]));
  });
  if (members.length === 1 && all.length === outs.length) return;
  const attrs = { ...loop.attrs, body: { params, outs: all } };
  members.forEach((member, n) => {
    joined.set(member.loop, { attrs, places: places[n] as ReadonlyMap<number, number> });
  });
}

/** The graph again, with those loops. */
function rebuild(
  b: Rewriter,
  order: readonly Node[],
  outputs: readonly Node[],
  joined: ReadonlyMap<Loop, Joined>,
): Node[] {
  const became = new Map<Node, Node>();
  const made = new Map<Attrs["loop"], Node>();
  const image = (node: Node): Node => became.get(node) ?? node;
  const visit = (node: Node): void => {
    const src = node.src.map(image);
    const own = isLoop(node) ? joined.get(node) : undefined;
    const source = node.src[0];
    if (own !== undefined) {
      const avals = resultAvals(own.attrs);
      const loop = made.get(own.attrs) ?? b.make("loop", src, own.attrs, avals[0] as Aval, avals);
      made.set(own.attrs, loop);
      became.set(node, loop);
    } else if (node.op === "output" && source !== undefined && isLoop(source) && joined.has(source)) {
      const index = joined.get(source)?.places.get(node.attrs.index) as number;
      became.set(node, b.make("output", src, { index }, node.aval));
    } else if (src.some((each, i) => each !== node.src[i])) {
      became.set(node, b.make(node.op, src, node.attrs as never, node.aval, node.outs));
    }
  };
  for (const node of order) inScope(node.scope, () => visit(node));
  return outputs.map(image);
}

const resultAvals = ({ body, carry, length }: Attrs["loop"]): Aval[] =>
  body.outs.map(({ aval: { dtype, shape } }, i) => ({
    dtype,
    shape: i < carry ? shape : [length, ...shape],
  }));
