/** The thread that writes states, seen from outside: asked for one write at a time, and an error where it dies. */
import type { Worker } from "node:worker_threads";
import { startWorker } from "../modules/index.ts";
import { FileError, InternalError } from "../util/index.ts";
import { buffersOf, type StateFile } from "./write-state.ts";
import type { WriteReply, WriteRequest } from "./write-worker.ts";

export class WriteThread {
  #worker: Worker | null = null;
  /** Takes the answer that is waited for. */
  #settle: ((reply: WriteReply | FileError) => void) | null = null;

  /** Starts it, where it does not run. */
  start(): Worker {
    if (this.#worker !== null) return this.#worker;
    const worker = startWorker("io/write-worker", {});
    const fail = (why: string): void => {
      if (this.#worker === worker) this.#worker = null; // the next write starts another
      this.#settle?.(new FileError(`the thread that writes checkpoints ended: ${why}.`, "EIO"));
    };
    worker.on("message", (reply: WriteReply) => this.#settle?.(reply));
    worker.on("error", (error) => fail(error.message));
    worker.on("exit", (code) => fail(`its exit code is ${code}`));
    worker.unref(); // idle, it must not keep the process
    this.#worker = worker;
    return worker;
  }

  /**
   * Writes as `writeState` does. The parts are gone meanwhile, each with its whole buffer; `back` is given them afterwards, unless the
   * thread has died with them.
   * @throws FileError
   */
  async write(
    dir: string,
    parts: readonly Uint8Array[],
    back: (parts: readonly Uint8Array[]) => void,
  ): Promise<StateFile> {
    const worker = this.start();
    const answered = new Promise<WriteReply | FileError>((resolve) => {
      this.#settle = resolve;
    });
    worker.ref();
    const request: WriteRequest = { dir, parts };
    worker.postMessage(request, buffersOf(parts));
    const reply = await answered;
    this.#settle = null;
    worker.unref();
    if (reply instanceof FileError) throw new FileError(`${dir}: cannot write: ${reply.message}`, reply.code);
    back(reply.parts);
    if (reply.written !== null) return reply.written;
    throw reply.code === null ? new InternalError(reply.message) : new FileError(reply.message, reply.code);
  }

  /** Ends it; nothing may be under way. */
  async end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }
}
