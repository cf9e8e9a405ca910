/** Epochs of batches on the host, in order: what `loader` makes tensors of and `Trainer` feeds its steps with. */

import type { Tensor } from "../../engine/tensor/index.ts";
import type { HostBatch } from "../dataset.ts";
import { toTensor } from "../to-tensor.ts";
import type { Cursor } from "./cursor.ts";

export interface Batch {
  readonly x: Tensor;
  readonly y: Tensor;
  /** Rows in this batch. */
  readonly size: number;
}

/** What loader and stream have in common. */
export interface HostBatches {
  readonly batchSize: number;
  /** Rows in an epoch as it is trained; null where nobody has counted them. */
  readonly rows: number | null;
  /** Tells from any other that gives other batches: a run within an epoch goes on only with the same. */
  readonly key: string;
  /** The batches of an epoch from the `from`-th on. A batch's arrays are void once the next is asked for. */
  host(epoch: number, from?: number): AsyncGenerator<HostBatch>;
  /** An epoch's first batch, for a look at what rows are. */
  peek(epoch: number): Promise<HostBatch>;
}

/** The iteration that loader and stream offer: an epoch each time, and where it is. */
export class Epochs {
  /** Where the next iteration begins, and where the last one is. */
  #start: Cursor;
  #at: Cursor;
  readonly #host: HostBatches["host"];
  readonly #batches: number | null;
  readonly #device: string | undefined;

  constructor(host: HostBatches["host"], batches: number | null, from: Cursor, device: string | undefined) {
    this.#host = host;
    this.#batches = batches;
    this.#start = from;
    this.#at = from;
    this.#device = device;
  }

  get state(): Cursor {
    const { epoch, batch } = this.#at;
    return batch === this.#batches ? { epoch: epoch + 1, batch: 0 } : { epoch, batch };
  }

  epoch(index: number, from = 0): AsyncGenerator<Batch> {
    return tensors(this.#host(index, from), this.#device);
  }

  /** The next epoch, or what is left of the one that was begun with. */
  async *next(): AsyncGenerator<Batch> {
    const { epoch, batch } = this.#start;
    this.#start = { epoch: epoch + 1, batch: 0 };
    let at = batch;
    for await (const made of this.epoch(epoch, batch)) {
      // Said before the loop's body runs: a state taken in it is that of after this batch.
      this.#at = { epoch, batch: ++at };
      yield made;
    }
    this.#at = { epoch: epoch + 1, batch: 0 };
  }
}

async function* tensors(
  batches: AsyncGenerator<HostBatch>,
  device: string | undefined,
): AsyncGenerator<Batch> {
  for await (const { x, y } of batches)
    yield { x: toTensor(x, device), y: toTensor(y, device), size: x.shape[0] as number };
}

/** A batch whose memory may have to be given back: its arrays are void from then on. */
export type Lendable = HostBatch & { release?(): void };

/** Asks for batches ahead of the one that is used, and gives their memory back after it. */
export async function* ahead<T>(
  items: readonly T[],
  count: number,
  gather: (item: T) => Promise<Lendable> | Lendable,
): AsyncGenerator<HostBatch> {
  const ready: Promise<Lendable>[] = [];
  let asked = 0;
  const ask = (): void => {
    if (asked >= items.length) return;
    const item = items[asked++] as T;
    // Later in the event loop: the gather runs while the caller awaits its step, and not before it starts.
    const promise = new Promise<void>((done) => setImmediate(done)).then(() => gather(item));
    promise.catch(() => undefined); // reported where it is awaited; a loop left early never awaits it
    ready.push(promise);
  };
  for (const item of items) {
    while (ready.length < count && asked < items.length) ask();
    const batch = count === 0 ? await gather(item) : await (ready.shift() as Promise<Lendable>);
    if (count > 0) ask();
    yield batch;
    batch.release?.();
  }
}
