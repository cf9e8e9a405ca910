/** Storage: the one owner of a piece of device memory. Who reads it after it was freed or donated gets an error that says where it went. */
import { DonatedError, OutOfMemoryError } from "../../util/index.ts";
import { type Aval, type BufferId, bytesOf, formatAval, type Node, type Value } from "../ir/index.ts";
import type { Device } from "./device.ts";
import { noteStorage } from "./scope.ts";

/** Safety net only: scopes, donation and `dispose` free memory at known moments; collection does at some moment. */
const collected = new FinalizationRegistry<{ device: Device; buffer: BufferId }>(({ device, buffer }) => {
  device.live.delete(buffer);
  device.backend.free(buffer);
});

export class Storage implements Value {
  readonly aval: Aval;
  readonly device: Device;
  #buffer: BufferId;
  #gone: string | null = null;
  #pins = 0;
  #released = false;

  /** Takes over `buffer`. */
  constructor(device: Device, aval: Aval, buffer: BufferId) {
    this.device = device;
    this.aval = aval;
    this.#buffer = buffer;
    device.live.set(buffer, aval);
    collected.register(this, { device, buffer }, this);
    noteStorage(this);
  }

  /** The device's name for the memory. Throws DonatedError once it was freed or donated. */
  get buffer(): BufferId {
    if (this.#gone !== null) throw new DonatedError(`${formatAval(this.aval)}: ${this.#gone}`);
    return this.#buffer;
  }

  get alive(): boolean {
    return this.#gone === null;
  }

  /** Keeps the memory while work off the event loop uses it. */
  pin(): void {
    this.#pins++;
  }

  unpin(): void {
    this.#pins--;
    if (this.#pins === 0 && this.#gone === FREED) this.#release();
  }

  /** Frees the memory; later reads throw. Freeing twice, or what was donated, is nothing. */
  free(): void {
    if (this.#gone !== null) return;
    this.#gone = FREED;
    if (this.#pins === 0) this.#release();
  }

  /** Gives the memory away: the caller owns the returned buffer. `to` ends the sentence "was donated to ...". */
  donate(to: string): BufferId {
    const buffer = this.buffer;
    this.#gone = `its memory was donated to ${to}. Use that call's result, or pass a copy.`;
    collected.unregister(this);
    this.device.live.delete(buffer);
    return buffer;
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    collected.unregister(this);
    this.device.live.delete(this.#buffer);
    this.device.backend.free(this.#buffer);
  }
}

const FREED = "its memory was freed (dispose, or the end of its scope).";

/** Fresh zeroed memory. Throws OutOfMemoryError that lists the largest storages. */
export function allocate(device: Device, aval: Aval): BufferId {
  const bytes = bytesOf(aval);
  if (memoryLimit !== null && device.backend.stats().live + bytes > memoryLimit) {
    throw outOfMemory(device, aval, `the limit is ${formatBytes(memoryLimit)}`);
  }
  try {
    return device.backend.alloc(bytes);
  } catch (error) {
    if (error instanceof OutOfMemoryError) throw outOfMemory(device, aval, error.message);
    throw error;
  }
}

/** A storage holding `bytes`, which are the elements in row-major order in the machine's byte order. */
export function storageFromBytes(bytes: Uint8Array, aval: Aval, device: Device): Storage {
  const buffer = allocate(device, aval);
  if (bytes.byteLength > 0) device.backend.write(buffer, bytes);
  return new Storage(device, aval, buffer);
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
