/** Lazy debt: a loop that never reads anything must not build a graph without end. */
import { type Node, topologicalOrder } from "../ir/index.ts";
import { realize } from "./realize.ts";

const LIMIT = 10_000;
let owed = 0;
let paused = 0;

/** Called for each lazily built node: after LIMIT of them the newest is realised, which collects the graph behind it. */
export function noteDebt(node: Node): void {
  if (paused > 0 || ++owed < LIMIT) return;
  owed = 0;
  const traced = topologicalOrder([node]).some((leaf) => leaf.op === "input" && leaf.value === null);
  if (!traced) realize([node]);
}

/** Runs `body` without realising anything: what it builds is being traced. */
export function withoutDebt<R>(body: () => R): R {
  paused++;
  try {
    return body();
  } finally {
    paused--;
  }
}

/** Whether a function is being traced right now (its tensors have no values). */
export const isTracing = (): boolean => paused > 0;
