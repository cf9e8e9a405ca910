/** Storages: the memory values live in while a plan is made. They become plan buffers at the end. */
import { type Aval, bytesOf } from "../../ir/index.ts";

export type StoragePlace =
  | { readonly in: "input"; readonly index: number }
  | { readonly in: "output"; readonly index: number }
  | { readonly in: "scalar"; readonly index: number }
  | { readonly in: "const"; readonly data: Uint8Array }
  /** To be planned. */
  | { readonly in: "arena" }
  /** From byte `offset` of another storage, whose value is not needed any more or, for an alias, is the same. */
  | { readonly in: "part"; readonly of: Storage; readonly offset: number }
  | { readonly in: "slice"; readonly parent: Storage; readonly stride: number; readonly depth: number };

export interface Storage {
  readonly id: number;
  readonly aval: Aval;
  readonly bytes: number;
  /** Changed by donation and by sharing memory in place. */
  place: StoragePlace;
  /** The storage that holds the very same value, perhaps under another shape. */
  alias: Storage | null;
}

export const ALIGNMENT = 64;
export const padded = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** The storage whose bytes these are. */
export function rootOf(storage: Storage): Storage {
  let root = storage;
  while (root.place.in === "part") root = root.place.of;
  return root;
}

/** Bytes from the start of the root. */
export function offsetOf(storage: Storage): number {
  let offset = 0;
  for (let at = storage; at.place.in === "part"; at = at.place.of) offset += at.place.offset;
  return offset;
}

/** Whether the two are the very same bytes. */
export const sameMemory = (a: Storage, b: Storage): boolean =>
  rootOf(a) === rootOf(b) && offsetOf(a) === offsetOf(b) && a.bytes === b.bytes;

export class Storages {
  readonly list: Storage[] = [];
  readonly #aliases = new Map<string, Storage>();

  add(aval: Aval, place: StoragePlace, bytes = bytesOf(aval)): Storage {
    const storage: Storage = { id: this.list.length, aval, bytes, place, alias: null };
    this.list.push(storage);
    return storage;
  }

  get(id: number): Storage {
    return this.list[id] as Storage;
  }

  /** The same memory seen with another shape. */
  alias(storage: Storage, aval: Aval): Storage {
    const key = `${storage.id} ${aval.dtype} ${aval.shape}`;
    if (storage.aval.dtype === aval.dtype && `${storage.aval.shape}` === `${aval.shape}`) return storage;
    let alias = this.#aliases.get(key);
    if (alias === undefined) {
      alias = this.add(aval, { in: "part", of: storage, offset: 0 });
      alias.alias = storage;
      this.#aliases.set(key, alias);
    }
    return alias;
  }
}
