/** The arena: lifetimes over the ordered tasks, memory shared in place, then greedy by size at the lowest free offset. */
import { bytesPerElement } from "../../ir/index.ts";
import type { Task } from "../emit/task.ts";
import { isCopy } from "../order/copy.ts";
import { worksInPlace } from "../order/donate.ts";
import { padded, rootOf, type Storage, type Storages } from "./storage.ts";

interface Block {
  readonly storage: Storage;
  readonly size: number;
  readonly from: number;
  to: number;
}

export interface Arena {
  readonly bytes: number;
  /** Of every storage that is a root in the arena. */
  readonly offsets: ReadonlyMap<Storage, number>;
}

/** Positions of first and last use of every arena root. */
function lifetimes(tasks: readonly Task[]): Map<Storage, Block> {
  const blocks = new Map<Storage, Block>();
  tasks.forEach((task, position) => {
    for (const storage of [...task.reads, ...task.writes]) {
      const root = rootOf(storage);
      if (root.place.in !== "arena") continue;
      const block = blocks.get(root);
      if (block === undefined) {
        blocks.set(root, { storage: root, size: padded(root.bytes), from: position, to: position });
      } else block.to = position;
    }
  });
  return blocks;
}

/** Equal accesses in elements are equal in bytes. */
const sameLayout = (a: Storage, b: Storage): boolean =>
  a.bytes === b.bytes && bytesPerElement[a.aval.dtype] === bytesPerElement[b.aval.dtype];

/** A storage first written where another of equal size is last read takes over its memory, if the step allows it. */
function shareInPlace(tasks: readonly Task[], blocks: Map<Storage, Block>, storages: Storages): void {
  tasks.forEach((task, position) => {
    for (const written of task.writes) {
      const root = rootOf(written);
      const block = blocks.get(root);
      if (block === undefined || block.from !== position || root.bytes === 0) continue;
      for (const read of task.reads) {
        const old = blocks.get(rootOf(read));
        if (old === undefined || old === block || old.to !== position || old.from === position) continue;
        if (!sameLayout(old.storage, root) || !worksInPlace(task, read, written, storages)) continue;
        root.place = { in: "part", of: old.storage, offset: 0 };
        // A copy onto itself will not run: then it is the same value, not another in the same place.
        if (task.step !== null && isCopy(task.step)) root.alias = read;
        old.to = block.to;
        blocks.delete(root);
        break;
      }
    }
  });
}

/** Offsets of blocks such that no two that live at once overlap. */
function pack(blocks: readonly Block[]): Arena {
  const offsets = new Map<Storage, number>();
  const placed: (Block & { offset: number })[] = [];
  let bytes = 0;
  const bySize = [...blocks].sort(
    (a, b) => b.size - a.size || a.from - b.from || a.storage.id - b.storage.id,
  );
  for (const block of bySize) {
    let offset = 0;
    // `placed` is in order of offset: the first gap that is large enough.
    for (const other of placed) {
      if (other.from > block.to || other.to < block.from) continue;
      if (offset + block.size <= other.offset) break;
      offset = Math.max(offset, other.offset + other.size);
    }
    offsets.set(block.storage, offset);
    bytes = Math.max(bytes, offset + block.size);
    if (block.size === 0) continue;
    let low = 0;
    let high = placed.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((placed[middle]?.offset ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    placed.splice(low, 0, { ...block, offset });
  }
  return { bytes, offsets };
}

/** Every block for itself. */
function lineUp(blocks: readonly Block[]): Arena {
  const offsets = new Map<Storage, number>();
  let bytes = 0;
  for (const { storage, size } of blocks) {
    offsets.set(storage, bytes);
    bytes += size;
  }
  return { bytes, offsets };
}

/** Plans the arena of tasks in the order they run. Changes the place of storages that share memory in place. */
export function planArena(tasks: readonly Task[], storages: Storages, reuse: boolean): Arena {
  const blocks = lifetimes(tasks);
  if (!reuse) return lineUp([...blocks.values()]);
  shareInPlace(tasks, blocks, storages);
  return pack([...blocks.values()]);
}
