/** The program of a worker thread: makes the rows of the batches it is told, into the shared buffers it is told. */
import { parentPort, workerData } from "node:worker_threads";
import { registerModules } from "../../modules/index.ts";
import type { EpochSeed } from "../dataset.ts";
import { layoutOf, openRows, type RowLayout, type RowModule, sizeOfLayout, writeRow } from "./row-module.ts";
import { emptyBatch } from "./row-source.ts";

export interface WorkerSetup {
  readonly module: RowModule;
  /** [0]: 1 + the row under way, 0 for none; [1]: rows done in all. */
  readonly progress: Int32Array;
}

export type WorkerRequest =
  | { readonly kind: "layout"; readonly id: number; readonly row: number; readonly at: EpochSeed }
  | {
      readonly kind: "batch";
      readonly id: number;
      readonly rows: Int32Array;
      readonly at: EpochSeed;
      readonly layout: { readonly x: RowLayout; readonly y: RowLayout };
      readonly buffer: SharedArrayBuffer;
    };

export type WorkerReply =
  | { readonly kind: "done"; readonly id: number }
  | { readonly kind: "layout"; readonly id: number; readonly layout: { x: RowLayout; y: RowLayout } }
  | {
      readonly kind: "error";
      readonly id: number;
      /** Null where the module itself could not be opened. */
      readonly row: number | null;
      readonly message: string;
    };

const { module, progress } = workerData as WorkerSetup;
// The thread that started this one may have read the same file by such hooks: here it is the same module, too.
const rows = registerModules().then(() => openRows(module));
rows.catch(() => undefined); // told at the first request

async function answer(request: WorkerRequest): Promise<WorkerReply> {
  const { id, at } = request;
  let row: number | null = null;
  const enter = (next: number): void => {
    row = next;
    Atomics.store(progress, 0, next + 1);
    Atomics.add(progress, 1, 1);
  };
  try {
    const make = await rows;
    if (request.kind === "layout") {
      enter(request.row);
      const { x, y } = await make(request.row, at);
      return { kind: "layout", id, layout: { x: layoutOf(x), y: layoutOf(y) } };
    }
    const { layout } = request;
    const batch = emptyBatch(layout, request.rows.length, request.buffer);
    for (const [i, next] of request.rows.entries()) {
      enter(next);
      const { x, y } = await make(next, at);
      writeRow(x, layout.x, batch.x.data, i * sizeOfLayout(layout.x), `row ${next}: x`);
      writeRow(y, layout.y, batch.y.data, i * sizeOfLayout(layout.y), `row ${next}: y`);
    }
    return { kind: "done", id };
  } catch (error) {
    return { kind: "error", id, row, message: error instanceof Error ? error.message : String(error) };
  } finally {
    Atomics.store(progress, 0, 0);
  }
}

// One after the other, however they arrive: the row under way is one.
let last: Promise<void> = Promise.resolve();
parentPort?.on("message", (request: WorkerRequest) => {
  last = last.then(async () => parentPort?.postMessage(await answer(request)));
});
