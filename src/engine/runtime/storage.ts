/** Storage: the one owner of a piece of device memory. Who reads it after it was freed or donated gets an error that says where it went. */
import { totalmem } from "node:os";
import { DonatedError, OutOfMemoryError } from "../../util/index.ts";
import { type Aval, type BufferId, bytesOf, formatAval, type Node, type Value } from "../ir/index.ts";
import type { Device } from "./device.ts";
import { noteStorage } from "./scope.ts";

/** Safety net only: scopes, donation and `dispose` free memory at known moments; collection does at some moment. */
const collected = new FinalizationRegistry<Held>(release);

/** What an allocation holds, until it is freed or collected. */
interface Held {
  readonly device: Device;
  readonly buffer: BufferId;
  freed: boolean;
}

/** Freed allocations stay registered, which costs less than a token for each. */
function release(held: Held): void {
  if (held.freed) return;
  held.freed = true;
  held.device.live.delete(held.buffer);
  held.device.backend.free(held.buffer);
}

/** A piece of device memory. It passes from storage to storage by donation, and is freed when the last one lets go of it. */
export class Allocation {
  readonly device: Device;
  readonly buffer: BufferId;
  /** Whether it is the host's own memory: read, never written to, so it cannot be donated. */
  readonly lent: boolean;
  /** The last run that took it as a donated input. */
  mark = 0;
  readonly #held: Held;
  #pins = 0;
  #unwanted = false;

  /** Takes over `buffer`; `aval` is what memory reports call it. */
  constructor(device: Device, aval: Aval, buffer: BufferId, lent = false) {
    this.device = device;
    this.lent = lent;
    this.buffer = buffer;
    device.live.set(buffer, aval);
    this.#held = { device, buffer, freed: false };
    collected.register(this, this.#held);
  }

  /** Keeps the memory while work off the event loop uses it. */
  pin(): void {
    this.#pins++;
  }

  unpin(): void {
    this.#pins--;
    if (this.#unwanted) this.free();
  }

  /** Frees the memory, once no pin holds it. The caller is its only owner and calls this once. */
  free(): void {
    this.#unwanted = true;
    if (this.#pins > 0) return;
    release(this.#held);
  }
}

export class Storage implements Value {
  readonly aval: Aval;
  readonly device: Device;
  #memory: Allocation | null;
  /** Who took the memory; null: it was freed. */
  #taker: string | null = null;

  constructor(aval: Aval, memory: Allocation) {
    this.aval = aval;
    this.device = memory.device;
    this.#memory = memory;
    noteStorage(this);
  }

  /** Throws DonatedError once it was freed or donated. */
  get memory(): Allocation {
    if (this.#memory === null) throw gone(this.aval, this.#taker);
    return this.#memory;
  }

  get alive(): boolean {
    return this.#memory !== null;
  }

  /** Frees the memory; later reads throw. Freeing twice, or what was donated, is nothing. */
  free(): void {
    this.#memory?.free();
    this.#memory = null;
  }

  /** Gives the memory away. `to` ends the sentence "was donated to ...". */
  donate(to: string): Allocation {
    const { memory } = this;
    this.#memory = null;
    this.#taker = to;
    return memory;
  }
}

const gone = (aval: Aval, taker: string | null): DonatedError =>
  new DonatedError(
    taker === null
      ? `${formatAval(aval)}: its memory was freed (dispose, or the end of its scope).`
      : `${formatAval(aval)}: its memory was donated to ${taker}. Use that call's result, or pass a copy.`,
  );

/** Fresh zeroed memory. Throws OutOfMemoryError that lists the largest storages. */
export function allocate(device: Device, aval: Aval): Allocation {
  const bytes = bytesOf(aval);
  sinceTurn++;
  if (memoryLimit !== null && device.backend.stats().live + bytes > memoryLimit) {
    throw outOfMemory(device, aval, `the limit is ${formatBytes(memoryLimit)}`);
  }
  try {
    return new Allocation(device, aval, device.backend.alloc(bytes));
  } catch (error) {
    if (error instanceof OutOfMemoryError) throw outOfMemory(device, aval, error.message);
    throw error;
  }
}

/** A storage holding `bytes`, which are the elements in row-major order in the machine's byte order. */
export function storageFromBytes(bytes: Uint8Array, aval: Aval, device: Device): Storage {
  const memory = allocate(device, aval);
  if (bytes.byteLength > 0) device.backend.write(memory.buffer, bytes);
  return new Storage(aval, memory);
}

/**
 * A storage on the host's own memory where the device can read that, else on a copy. Whoever lends bytes leaves them alone, and
 * attached, for good.
 */
export function storageOnBytes(bytes: Uint8Array, aval: Aval, device: Device): Storage {
  const buffer = device.backend.lend?.(bytes) ?? null;
  if (buffer === null) return storageFromBytes(bytes, aval, device);
  return new Storage(aval, new Allocation(device, aval, buffer, true));
}

/** The storage of a realised node; null when it has none yet. */
export function storageOf(node: Node): Storage | null {
  return node.value instanceof Storage ? node.value : null;
}

let memoryLimit: number | null = null;

/** Refuses allocations that would take a device's live tensors above `bytes`; null takes the limit away. */
export function setMemoryLimit(bytes: number | null): void {
  memoryLimit = bytes;
}

/** Above this many live bytes, or after so many allocations, reads let the finalizers of unreachable tensors run: they need a turn of the event loop. */
const softLimit = (): number => (memoryLimit ?? machineMemory) * 0.5;
const machineMemory = totalmem();
const MANY = 1000;
let sinceTurn = 0;

/** Yields one macrotask when many tensors were made since the last one, or the device holds much memory. */
export async function relieve(device: Device): Promise<void> {
  if (sinceTurn < MANY && device.backend.stats().live <= softLimit()) return;
  sinceTurn = 0;
  await new Promise((resolve) => setImmediate(resolve));
}

export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

function outOfMemory(device: Device, wanted: Aval, why: string): OutOfMemoryError {
  const largest = [...device.live.values()]
    .map((aval) => ({ aval, bytes: bytesOf(aval) }))
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, 5)
    .map(({ aval, bytes }) => `${formatAval(aval)} (${formatBytes(bytes)})`);
  const live = formatBytes(device.backend.stats().live);
  return new OutOfMemoryError(
    `${device.name}: no room for ${formatAval(wanted)} (${formatBytes(bytesOf(wanted))}); ${why}. ` +
      `${device.live.size} tensors hold ${live}; the largest: ${largest.join(", ") || "none"}. ` +
      "Free some with dispose(), wrap work in scope(), or donate state to jit.",
  );
}
