/** A worker thread seen from outside: asks it, and turns its errors, its death and its silence into DataError with the row. */
import type { Worker } from "node:worker_threads";
import { startWorker } from "../../modules/index.ts";
import { DataError } from "../../util/index.ts";
import type { RowModule } from "./row-module.ts";
import type { WorkerReply, WorkerRequest, WorkerSetup } from "./row-worker.ts";

/** What opening the user's module may take at least. */
const startSeconds = 60;

/** What an answer came to. */
type Settled = (reply: WorkerReply | Error) => void;

export class RowWorker {
  readonly #worker: Worker;
  readonly #progress = new Int32Array(new SharedArrayBuffer(8));
  readonly #waiting = new Map<number, Settled>();
  readonly #seconds: number;
  #next = 0;
  #dead: DataError | null = null;

  /** `seconds`: how long one row may take. */
  constructor(module: RowModule, seconds: number) {
    this.#seconds = seconds;
    const workerData: WorkerSetup = { module, progress: this.#progress };
    this.#worker = startWorker("data/loading/row-worker", { workerData });
    this.#worker.on("message", (reply: WorkerReply) => {
      const settle = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      settle?.(reply);
    });
    this.#worker.on("error", (error) => this.#fail(`a worker failed${this.#where()}: ${error.message}.`));
    this.#worker.on("messageerror", (error) => this.#fail(`a worker's answer is damaged: ${error.message}.`));
    this.#worker.on("exit", (code) => this.#fail(`a worker ended${this.#where()} with exit code ${code}.`));
  }

  /** Requests not answered yet. */
  get load(): number {
    return this.#waiting.size;
  }

  /** Whether the process waits for this thread. */
  hold(held: boolean): void {
    if (held) this.#worker.ref();
    else this.#worker.unref();
  }

  /** Throws DataError naming the row. */
  async ask(make: (id: number) => WorkerRequest): Promise<WorkerReply> {
    if (this.#dead) throw this.#dead;
    const id = this.#next++;
    const request = make(id);
    const answered = new Promise<WorkerReply | Error>((settle) => {
      this.#waiting.set(id, settle);
    });
    this.#worker.postMessage(request);
    const stop = this.#watch();
    const reply = await answered;
    stop();
    if (reply instanceof Error) throw reply;
    if (reply.kind !== "error") return reply;
    const named = reply.row === null || reply.message.startsWith(`row ${reply.row}`);
    throw new DataError(`loader: ${named ? "" : `row ${reply.row}: `}${reply.message}`);
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  /** Fails all requests once no row has been finished for too long. */
  #watch(): () => void {
    let before = Atomics.load(this.#progress, 1);
    const asked = performance.now();
    const timer = setInterval(() => {
      const now = Atomics.load(this.#progress, 1);
      // Before its first row a thread starts and opens the module.
      if (now === 0 && performance.now() - asked < startSeconds * 1000) return;
      if (now !== before) {
        before = now;
        return;
      }
      this.#fail(
        `a worker has not answered for ${this.#seconds} s${this.#where()}. Give rows more time by { timeout }.`,
      );
      void this.end();
    }, this.#seconds * 1000);
    return () => clearInterval(timer);
  }

  #where(): string {
    const row = Atomics.load(this.#progress, 0) - 1;
    return row < 0 ? "" : ` at row ${row}`;
  }

  #fail(what: string): void {
    this.#dead ??= new DataError(`loader: ${what}`);
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const settle of all) settle(this.#dead);
  }
}
