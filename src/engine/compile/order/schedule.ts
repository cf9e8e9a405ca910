/**
 * The order of tasks: topological, next always what frees the most memory, else what comes first in the program. Tasks that wait for
 * nothing and read nothing (fills) run just before their first reader.
 */
import type { Task } from "../emit/task.ts";
import { rootOf, type Storage } from "../memory/storage.ts";

export function schedule(tasks: readonly Task[]): Task[] {
  const ofNode = new Map(tasks.map((task) => [task.node, task]));
  const isLazy = (task: Task) => task.reads.size === 0 && task.node.previous.size === 0 && task.step !== null;
  const lazy = new Set(tasks.filter(isLazy));
  const waitsFor = (task: Task) =>
    [...task.node.previous].filter((node) => !lazy.has(ofNode.get(node) as Task)).length;
  const waiting = new Map(tasks.map((task) => [task, waitsFor(task)]));
  const roots = (storages: ReadonlySet<Storage>) =>
    [...new Set([...storages].map(rootOf))].filter(({ place }) => place.in === "arena");
  const reads = new Map(tasks.map((task) => [task, roots(task.reads)]));
  const writes = new Map(tasks.map((task) => [task, roots(task.writes)]));
  const readersLeft = new Map<Storage, number>();
  for (const list of reads.values()) {
    for (const root of list) readersLeft.set(root, (readersLeft.get(root) ?? 0) + 1);
  }
  const live = new Set<Storage>();
  /** Bytes freed by running the task now, less bytes newly taken. */
  const gain = (task: Task): number => {
    if (task.step === null) return Number.POSITIVE_INFINITY;
    let bytes = 0;
    for (const root of reads.get(task) ?? []) if (readersLeft.get(root) === 1) bytes += root.bytes;
    for (const root of writes.get(task) ?? []) if (!live.has(root)) bytes -= root.bytes;
    return bytes;
  };

  const ready = tasks.filter((task) => waiting.get(task) === 0 && !lazy.has(task));
  const done: Task[] = [];
  const run = (task: Task) => {
    for (const node of task.node.previous) {
      const fill = ofNode.get(node);
      if (fill !== undefined && lazy.delete(fill)) run(fill);
    }
    done.push(task);
    for (const root of writes.get(task) ?? []) live.add(root);
    for (const root of reads.get(task) ?? []) readersLeft.set(root, (readersLeft.get(root) ?? 0) - 1);
  };
  while (ready.length > 0) {
    let best = 0;
    let most = Number.NEGATIVE_INFINITY;
    ready.forEach((task, index) => {
      const value = gain(task);
      const earlier = task.node.rank < (ready[best] as Task).node.rank;
      if (value > most || (value === most && earlier)) {
        best = index;
        most = value;
      }
    });
    const [task] = ready.splice(best, 1) as [Task];
    run(task);
    for (const node of task.node.next) {
      const next = ofNode.get(node);
      if (next === undefined) continue;
      const left = (waiting.get(next) ?? 0) - 1;
      waiting.set(next, left);
      if (left === 0) ready.push(next);
    }
  }
  // What nothing in the plan reads: outputs.
  for (const task of lazy) done.push(task);
  return done;
}
