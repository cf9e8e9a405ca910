/** Horizontal fusion: independent kernels with equal bodies become one step with several segments. */
import type { FusedStep, Scopes, Step } from "../../ir/index.ts";
import { merge } from "../dag.ts";
import type { Task } from "../emit/task.ts";
import { rootOf, type Storage } from "../memory/storage.ts";

/** Arena bytes that one step may keep waiting for its last segment. */
const MOST_HELD = 32 * 2 ** 20;
const OPEN_CLUSTERS = 4;

interface Cluster {
  task: Task;
  held: number;
}

const arenaBytes = (storages: ReadonlySet<Storage>): number => {
  let bytes = 0;
  for (const storage of storages) if (rootOf(storage).place.in === "arena") bytes += storage.bytes;
  return bytes;
};

/** What is widened for a step is needed by that step alone: together they would all be there at once. */
function onlyWidens({ body }: FusedStep): boolean {
  const [dtype, ...others] = body.loads;
  const narrow = dtype === "f16" || dtype === "bf16";
  return (
    narrow &&
    others.length === 0 &&
    body.stores.every((store) => store.dtype === "f32") &&
    body.instrs.length === 1
  );
}

/** The tasks with equal kernels joined. */
export function joinEqual(tasks: readonly Task[]): Task[] {
  const open = new Map<string, Cluster[]>();
  const gone = new Set<Task>();
  const byRank = [...tasks].sort((a, b) => a.node.rank - b.node.rank);
  for (const task of byRank) {
    if (task.step?.kind !== "fused" || onlyWidens(task.step)) continue;
    const key = JSON.stringify(task.step.body, (_, value: unknown) =>
      typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))
        ? Object.is(value, -0)
          ? "-0"
          : String(value)
        : value,
    );
    const clusters = open.get(key) ?? [];
    open.set(key, clusters);
    const held = arenaBytes(task.reads);
    const home = clusters.find((cluster) => cluster.held + held <= MOST_HELD && join(cluster.task, task));
    if (home !== undefined) {
      home.held += held;
      gone.add(task);
      continue;
    }
    clusters.push({ task, held });
    if (clusters.length > OPEN_CLUSTERS) clusters.shift();
  }
  return tasks.filter((task) => !gone.has(task));
}

/** Adds the segments of `task` to `into`, if neither waits for the other. */
function join(into: Task, task: Task): boolean {
  const [a, b] = [into.step as Step & FusedStep, task.step as Step & FusedStep];
  if (into.node.next.has(task.node) || task.node.next.has(into.node)) return false;
  if (!merge(into.node, task.node)) return false;
  const scopes = a.scopes || b.scopes ? { scopes: together(a.scopes ?? {}, b.scopes ?? {}) } : {};
  into.step = { ...a, segments: [...a.segments, ...b.segments], ...scopes };
  into.reads = new Set([...into.reads, ...task.reads]);
  into.writes = new Set([...into.writes, ...task.writes]);
  return true;
}

function together(a: Scopes, b: Scopes): Scopes {
  const sums: Record<string, number> = { ...a };
  for (const [scope, work] of Object.entries(b)) sums[scope] = (sums[scope] ?? 0) + work;
  return sums;
}
