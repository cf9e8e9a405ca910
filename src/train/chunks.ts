/** How many steps go into one native call: as many as take about 50 ms, so that progress and Ctrl-C stay live. */

const target = 0.05; // seconds
const growth = 8;

/** Chooses step counts from the times of the last ones. Only when things are shown depends on it, never what is computed. */
export class Chunks {
  #secondsPerStep: number | null = null;
  #last = 0;

  /** Steps to run now, at most `remaining`. */
  next(remaining: number): number {
    // The first call compiles: one step, whose time says nothing of the next.
    const wish =
      this.#secondsPerStep === null
        ? Math.max(1, this.#last * growth)
        : Math.min(Math.round(target / this.#secondsPerStep), this.#last * growth);
    return Math.max(1, Math.min(wish, remaining));
  }

  /** `count` steps took `seconds`. */
  note(count: number, seconds: number): void {
    const first = this.#last === 0;
    this.#last = count;
    if (first) return;
    const now = Math.max(seconds / count, 1e-9);
    this.#secondsPerStep = this.#secondsPerStep === null ? now : (this.#secondsPerStep + now) / 2;
  }
}
