/** Worker threads that fill a ring of shared buffers with batches: who makes a batch never decides what is in it. */
import type { EpochSeed } from "../dataset.ts";
import type { Lendable } from "./batches.ts";
import type { RowLayout, RowModule } from "./row-module.ts";
import { sizeOfLayout } from "./row-module.ts";
import { emptyBatch } from "./row-source.ts";
import { RowWorker } from "./worker.ts";

interface Ring {
  readonly layout: { readonly x: RowLayout; readonly y: RowLayout };
  readonly free: SharedArrayBuffer[];
}

export class WorkerPool {
  readonly #workers: RowWorker[];
  readonly #batchSize: number;
  #ring: Promise<Ring> | null = null;

  constructor(module: RowModule, workers: number, batchSize: number, timeout: number) {
    this.#workers = Array.from({ length: workers }, () => new RowWorker(module, timeout));
    this.#batchSize = batchSize;
  }

  /** The rows, in a buffer of the ring. Throws DataError naming the row that failed. */
  async gather(rows: Int32Array, at: EpochSeed): Promise<Lendable> {
    this.#ring ??= this.#open(rows[0] as number, at);
    const { layout, free } = await this.#ring;
    const bytes = 4 * this.#batchSize * (sizeOfLayout(layout.x) + sizeOfLayout(layout.y));
    // As many as were ever out at once exist; from then on they go round.
    const buffer = free.pop() ?? new SharedArrayBuffer(bytes);
    const worker = this.#workers.reduce((best, other) => (other.load < best.load ? other : best));
    await worker.ask((id) => ({ kind: "batch", id, rows, at, layout, buffer }));
    return { ...emptyBatch(layout, rows.length, buffer), release: () => void free.push(buffer) };
  }

  /** What rows are is known from one of them. */
  async #open(row: number, at: EpochSeed): Promise<Ring> {
    const [worker] = this.#workers as [RowWorker];
    const reply = await worker.ask((id) => ({ kind: "layout", id, row, at }));
    if (reply.kind !== "layout") throw new TypeError(`a worker answered ${reply.kind} to layout`);
    return { layout: reply.layout, free: [] };
  }

  hold(held: boolean): void {
    for (const worker of this.#workers) worker.hold(held);
  }

  async end(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.end()));
  }
}
