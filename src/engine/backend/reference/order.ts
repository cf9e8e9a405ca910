/** Keeps work in the order it was asked for while one long job runs across turns of the event loop. */

type Job = () => void | Promise<void>;

export class WorkOrder {
  #busy = false;
  readonly #waiting: Job[] = [];
  #failure: unknown = null;

  /** Whether work asked for now would have to wait. */
  get busy(): boolean {
    return this.#busy;
  }

  /** At once when nothing is under way, else after what is. An error of delayed work is thrown by the next call. */
  now(job: () => void): void {
    this.#raise();
    if (this.#busy) this.#waiting.push(job);
    else job();
  }

  /** After all work asked for before; resolves with its result. */
  async<T>(job: () => T | Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const run = async () => {
        try {
          this.#raise();
          resolve(await job());
        } catch (error) {
          reject(error);
        }
      };
      if (this.#busy) this.#waiting.push(run);
      else void this.#drain(run);
    });
  }

  async #drain(first: Job): Promise<void> {
    this.#busy = true;
    for (let job: Job | undefined = first; job !== undefined; job = this.#waiting.shift()) {
      try {
        await job();
      } catch (error) {
        this.#failure ??= error;
      }
    }
    this.#busy = false;
  }

  #raise(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure;
  }
}
