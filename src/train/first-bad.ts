/** Which operation of a graph first made a NaN or an infinity: all its intermediate results are computed and looked at. */
import { formatAval, isFloat, type Node, topologicalOrder } from "../engine/ir/index.ts";
import { realizeAsync } from "../engine/runtime/index.ts";
import { Tensor } from "../engine/tensor/index.ts";

type Kind = "finite" | "infinity" | "NaN";

export interface FirstBad {
  readonly node: Node;
  /** As in "log: f32[32,10]". */
  readonly operation: string;
  readonly kind: "NaN" | "infinity";
  /** How many elements. */
  readonly count: number;
  /** The index of the first. */
  readonly at: readonly number[];
}

interface Found extends Omit<FirstBad, "operation" | "kind"> {
  readonly kind: Kind;
}

/** What stands for no numbers of its own: its results are read by `output`. */
const isBundle = ({ op }: Node): boolean => op === "composite" || op === "loop";

/**
 * The operation behind `outputs` that made a NaN or an infinity from finite numbers and so led to the first NaN, or, without a NaN, to
 * the first infinity. Constants may be infinite (masks are): then what made a NaN of that. Null when there is none.
 */
export async function firstBad(outputs: readonly Tensor[]): Promise<FirstBad | null> {
  // A node forgets what it reads once it has a value.
  const graph = new Map(topologicalOrder(outputs.map(({ node }) => node)).map((node) => [node, node.src]));
  const order = [...graph.keys()];
  await realizeAsync(order.filter((node) => !isBundle(node) && node.op !== "input"));
  const looked = new Map<Node, Found>();
  for (const node of order) {
    if (!isBundle(node) && isFloat(node.aval.dtype)) looked.set(node, await look(node));
  }
  const kindOf = (node: Node): Kind => looked.get(node)?.kind ?? "finite";
  const sources = (node: Node): readonly Node[] =>
    (graph.get(node) ?? []).flatMap((source) => (isBundle(source) ? (graph.get(source) ?? []) : [source]));
  /** Where a bad number came from; null when that is a constant, such as the -Infinity of a mask. */
  const originOf = (node: Node): Node | null => {
    if (node.op === "const") return null;
    const bad = sources(node).filter((source) => kindOf(source) !== "finite");
    if (bad.length === 0) return node;
    for (const source of bad) {
      const origin = originOf(source);
      if (origin !== null) return origin;
    }
    return kindOf(node) === "NaN" && bad.every((source) => kindOf(source) !== "NaN") ? node : null;
  };
  for (const kind of ["NaN", "infinity"] as const) {
    for (const node of order) {
      const origin = kindOf(node) === kind ? originOf(node) : null;
      const found = origin && looked.get(origin);
      if (!origin || !found || found.kind === "finite") continue;
      return {
        ...found,
        kind: found.kind,
        operation: `${nameOf(origin, graph)}: ${formatAval(origin.aval)}`,
      };
    }
  }
  return null;
}

function nameOf(node: Node, graph: ReadonlyMap<Node, readonly Node[]>): string {
  if (node.op === "input") return "a value the step was given";
  const [bundle] = graph.get(node) ?? [];
  if (node.op === "output" && bundle?.op === "composite") return bundle.attrs.name;
  return node.op === "output" && bundle?.op === "loop" ? "a loop" : node.op;
}

async function look(node: Node): Promise<Found> {
  const values = await new Tensor(node).data();
  let [count, at, kind] = [0, -1, "finite" as Kind];
  for (const [index, value] of values.entries()) {
    if (Number.isFinite(value)) continue;
    const here: Kind = Number.isNaN(value) ? "NaN" : "infinity";
    if (here === "infinity" && kind === "NaN") continue;
    if (here !== kind) [count, at, kind] = [0, index, here];
    count++;
  }
  return { node, kind, count, at: at < 0 ? [] : indexOf(at, node.aval.shape) };
}

/** The index of the element at `place` in row-major order. */
function indexOf(place: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = place;
  for (const size of [...shape].reverse()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index;
}
