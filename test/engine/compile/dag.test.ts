import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DagNode, merge, order, reaches } from "../../../src/engine/compile/dag.ts";

/** By exhaustive search, without ranks. */
function connected(from: DagNode, to: DagNode): boolean {
  const seen = new Set([from]);
  for (const node of seen) for (const next of node.next) seen.add(next);
  return seen.has(to);
}

const valid = (nodes: readonly DagNode[]): boolean =>
  nodes.every((node) => [...node.next].every((next) => node.rank < next.rank && next.previous.has(node)));

describe("the ordered graph", () => {
  test("merging and ordering succeed exactly when they close no cycle, and keep the order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(19), fc.nat(19)), { maxLength: 40 }),
        fc.array(fc.tuple(fc.boolean(), fc.nat(19), fc.nat(19)), { maxLength: 30 }),
        (edges, changes) => {
          const all = Array.from({ length: 20 }, (_, rank) => new DagNode(rank));
          for (const [i, j] of edges) if (i < j) all[i]?.precede(all[j] as DagNode);
          const live = new Set(all);
          for (const [merging, i, j] of changes) {
            const [a, b] = [all[i] as DagNode, all[j] as DagNode];
            if (a === b || !live.has(a) || !live.has(b)) continue;
            expect(reaches(a, b)).toBe(connected(a, b));
            if (merging) {
              const through = (x: DagNode, y: DagNode) =>
                [...x.next].some((next) => next !== y && connected(next, y));
              const closes = through(a, b) || through(b, a);
              expect(merge(a, b)).toBe(!closes);
              if (!closes) live.delete(b);
            } else {
              const closes = connected(b, a);
              expect(order(a, b)).toBe(!closes);
            }
            expect(valid([...live])).toBe(true);
            expect(new Set([...live].map((node) => node.rank)).size).toBe(live.size);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
