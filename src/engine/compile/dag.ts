/**
 * A directed acyclic graph kept in topological order while nodes are merged and edges added.
 * After Pearce and Kelly, "A Dynamic Topological Sort Algorithm for Directed Acyclic Graphs" (2006): only what lies between the
 * two ranks is looked at.
 */

export class DagNode {
  /** Position in the order: smaller than that of every successor. */
  rank: number;
  readonly next = new Set<DagNode>();
  readonly previous = new Set<DagNode>();

  constructor(rank: number) {
    this.rank = rank;
  }

  /** An edge that agrees with the ranks. */
  precede(other: DagNode): void {
    if (other === this) return;
    this.next.add(other);
    other.previous.add(this);
  }
}

const byRank = (a: DagNode, b: DagNode): number => a.rank - b.rank;

/** Nodes reachable from `from` (itself not included unless again met) with a rank strictly between; `direct` is not entered. */
function reach(from: DagNode, direction: "next" | "previous", low: number, high: number): Set<DagNode> {
  const found = new Set<DagNode>();
  const stack = [from];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    for (const other of node[direction]) {
      if (other.rank <= low || other.rank >= high || found.has(other)) continue;
      found.add(other);
      stack.push(other);
    }
  }
  return found;
}

/** Gives the sorted ranks of all nodes to them in the order listed. */
function reassign(nodes: readonly DagNode[]): void {
  const ranks = nodes.map((node) => node.rank).sort((a, b) => a - b);
  nodes.forEach((node, index) => {
    node.rank = ranks[index] as number;
  });
}

/** Whether a path leads from `a` to `b` through at least one other node. */
export function hasDetour(a: DagNode, b: DagNode): boolean {
  if (a.rank >= b.rank) return false;
  const stack: DagNode[] = [];
  const seen = new Set<DagNode>();
  for (const node of a.next) if (node !== b && node.rank < b.rank) stack.push(node);
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    for (const other of node.next) {
      if (other === b) return true;
      if (other.rank < b.rank && !seen.has(other)) stack.push(other);
    }
  }
  return false;
}

/** Whether a path leads from `a` to `b`, or they are one. */
export const reaches = (a: DagNode, b: DagNode): boolean => a === b || a.next.has(b) || hasDetour(a, b);

/**
 * Makes `a` and `b` one node (`a` stays) if that closes no cycle, whether or not they were joined by an edge.
 * False, with nothing changed, if it would.
 */
export function merge(a: DagNode, b: DagNode): boolean {
  const [low, high] = a.rank < b.rank ? [a, b] : [b, a];
  if (hasDetour(low, high)) return false;
  const after = reach(low, "next", low.rank, high.rank);
  if (after.size === 0) {
    low.rank = high.rank;
  } else {
    const before = reach(high, "previous", low.rank, high.rank);
    reassign([...[...before].sort(byRank), low, high, ...[...after].sort(byRank)]);
    high.rank = low.rank;
  }
  a.rank = low.rank;
  for (const node of b.next) {
    node.previous.delete(b);
    a.precede(node);
  }
  for (const node of b.previous) {
    node.next.delete(b);
    node.precede(a);
  }
  b.next.clear();
  b.previous.clear();
  return true;
}

/** Adds the edge a -> b if that closes no cycle; false if it would. */
export function order(a: DagNode, b: DagNode): boolean {
  if (a === b) return false;
  if (a.rank > b.rank) {
    if (reaches(b, a)) return false;
    const after = reach(b, "next", b.rank, a.rank);
    const before = reach(a, "previous", b.rank, a.rank);
    reassign([...[...before].sort(byRank), a, b, ...[...after].sort(byRank)]);
  }
  a.precede(b);
  return true;
}
