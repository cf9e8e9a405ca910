/** Donation: outputs take the memory of donated inputs, in place where that is safe, else by a copy at the end. */
import { bytesPerElement } from "../../ir/index.ts";
import type { DagNode } from "../dag.ts";
import { order, reaches } from "../dag.ts";
import { renumber, runsInPlace } from "../emit/steps.ts";
import type { Task } from "../emit/task.ts";
import { rootOf, type Storage, type Storages } from "../memory/storage.ts";
import { copyStep } from "./copy.ts";

export interface Donation {
  readonly leaf: number;
  /** The output must end there, whatever it costs. */
  readonly needed: boolean;
}

export interface Settled {
  readonly storage: Storage;
  readonly donor: number | null;
}

/** Tasks by the memory they touch. */
export class Uses {
  readonly #readers = new Map<Storage, Task[]>();
  readonly #writers = new Map<Storage, Task[]>();

  constructor(tasks: readonly Task[]) {
    for (const task of tasks) this.add(task);
  }

  add(task: Task): void {
    const note = (map: Map<Storage, Task[]>, storages: ReadonlySet<Storage>) => {
      for (const root of new Set([...storages].map(rootOf))) {
        const list = map.get(root);
        if (list === undefined) map.set(root, [task]);
        else list.push(task);
      }
    };
    note(this.#readers, task.reads);
    note(this.#writers, task.writes);
  }

  readers(storage: Storage): readonly Task[] {
    return this.#readers.get(rootOf(storage)) ?? [];
  }

  writers(storage: Storage): readonly Task[] {
    return this.#writers.get(rootOf(storage)) ?? [];
  }
}

/** Whether the task may overwrite `read` by `written` element by element, names of the same memory counting as one. */
export function worksInPlace(task: Task, read: Storage, written: Storage, storages: Storages): boolean {
  if (task.step === null) return false;
  // Elements of another width lie elsewhere.
  if (bytesPerElement[read.aval.dtype] !== bytesPerElement[written.aval.dtype]) return false;
  const step = renumber(task.step, (buffer) => rootOf(storages.get(buffer)).id);
  return runsInPlace(step, rootOf(read).id, rootOf(written).id);
}

/** Places each output; adds the copies it needs to `tasks` and orders readers of a donated input before its writer. */
export function donate(
  tasks: Task[],
  storages: Storages,
  leaves: readonly Storage[],
  outputs: readonly Storage[],
  donations: readonly (Donation | null)[],
  newNode: () => DagNode,
): Settled[] {
  const uses = new Uses(tasks);
  return outputs.map((storage, index) => {
    const donation = donations[index] ?? null;
    const leaf = donation === null ? undefined : leaves[donation.leaf];
    if (donation === null || leaf === undefined) return { storage, donor: null };
    const donor = donation.leaf;
    if (storage === leaf) return { storage, donor };
    if (overwrite(uses, leaf, storage, storages)) {
      storage.place = { in: "part", of: leaf, offset: 0 };
      return { storage, donor };
    }
    if (!donation.needed) return { storage, donor: null };
    return { storage: copyAtEnd(tasks, uses, leaf, storage, storages, newNode()), donor };
  });
}

/** Orders things so that `storage` may be written into the memory of `leaf`; false if it may not. */
function overwrite(uses: Uses, leaf: Storage, storage: Storage, storages: Storages): boolean {
  const writers = uses.writers(storage);
  const readers = uses.readers(leaf);
  for (const writer of writers) {
    if (!readers.includes(writer)) continue;
    if (!worksInPlace(writer, leaf, storage, storages)) return false;
    if (!writers.every((other) => reaches(writer.node, other.node))) return false;
  }
  const early = readers.filter((reader) => !writers.includes(reader));
  const late = early.some((reader) => writers.some((writer) => reaches(writer.node, reader.node)));
  if (late) return false;
  return early.every((reader) => writers.every((writer) => order(reader.node, writer.node)));
}

function copyAtEnd(
  tasks: Task[],
  uses: Uses,
  leaf: Storage,
  storage: Storage,
  storages: Storages,
  node: DagNode,
): Storage {
  const target = storages.add(storage.aval, { in: "part", of: leaf, offset: 0 });
  if (storage.place.in === "output") storage.place = { in: "arena" };
  const task: Task = {
    node,
    step: copyStep(storage, target),
    reads: new Set([storage]),
    writes: new Set([target]),
  };
  for (const before of [...uses.writers(storage), ...uses.readers(leaf)]) order(before.node, node);
  tasks.push(task);
  uses.add(task);
  return target;
}
