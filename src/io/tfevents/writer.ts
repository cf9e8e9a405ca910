/** An event file that grows: what was added is appended when asked to, so that TensorBoard can follow a run. */
import { hostname } from "node:os";
import { join } from "node:path";
import { appendToFile, ensureFolder } from "../../files/index.ts";
import { type EventContent, encodeEvent, type SummaryValue } from "./events.ts";
import { frame } from "./record.ts";

let files = 0;

/**
 * Writes an event file of its own in the folder `dir`; files of earlier runs there stay, and TensorBoard shows them together.
 *
 * @throws FileError from `flush`
 * @example
 * const writer = new EventWriter("runs/a/tensorboard");
 * writer.add(1, [{ tag: "loss", scalar: 0.5 }]);
 * await writer.flush();
 */
export class EventWriter {
  #path: string;
  readonly #dir: string;
  #waiting: Uint8Array[] = [];
  #begun = false;
  #writing: Promise<void> = Promise.resolve();

  constructor(dir: string) {
    this.#dir = dir;
    this.#path = newName(dir);
  }

  /** The file; another one after a write that failed. */
  get path(): string {
    return this.#path;
  }

  /** At a step; time is now. */
  add(step: number, values: readonly SummaryValue[]): void {
    if (values.length > 0) this.#add(step, { values });
  }

  /** What earlier files say of this step and later ones is void: the run goes on from there. */
  restart(step: number): void {
    this.#add(step, { restart: true });
  }

  #add(step: number, content: EventContent): void {
    this.#waiting.push(eventNow(step, content));
  }

  /** Resolves once all events so far are in the file; those that could not be written are kept for the next time. */
  flush(): Promise<void> {
    const write = this.#writing.then(() => this.#append());
    this.#writing = write.catch(() => undefined);
    return write;
  }

  async #append(): Promise<void> {
    const events = this.#waiting;
    if (events.length === 0 && this.#begun) return;
    this.#waiting = [];
    try {
      await ensureFolder(this.#dir);
      const head = this.#begun ? [] : [eventNow(0, { fileVersion: "brain.Event:2" })];
      await appendToFile(this.#path, Buffer.concat([...head, ...events]));
      this.#begun = true;
    } catch (error) {
      this.#waiting = [...events, ...this.#waiting];
      // What follows half a record cannot be read.
      this.#path = newName(this.#dir);
      this.#begun = false;
      throw error;
    }
  }
}

function newName(dir: string): string {
  const seconds = String(Math.floor(Date.now() / 1000)).padStart(10, "0");
  return join(dir, `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.${files++}`);
}

const eventNow = (step: number, content: EventContent): Uint8Array =>
  frame(encodeEvent(Date.now() / 1000, step, content));
