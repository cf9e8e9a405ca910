/** How far reading is: told to whoever asks, else as a bar on a terminal. */

export interface ProgressOfImages {
  readonly done: number;
  readonly total: number;
  readonly secondsLeft: number;
}

/** Tells after each image; `close` takes the bar away. */
export interface ProgressTeller {
  tell(done: number): void;
  close(): void;
}

/** A bar only where someone looks at it, and not for what takes less than a second. */
export async function progressTeller(
  total: number,
  listener: ((progress: ProgressOfImages) => void) | undefined,
): Promise<ProgressTeller> {
  const start = performance.now();
  const secondsLeft = (done: number): number => ((performance.now() - start) / 1000 / done) * (total - done);
  if (listener) {
    return { tell: (done) => listener({ done, total, secondsLeft: secondsLeft(done) }), close: () => {} };
  }
  if (!process.stderr.isTTY) return { tell: () => {}, close: () => {} };
  const { SingleBar, Presets } = (await import("cli-progress")).default;
  const format = "images {bar} {value}/{total}  {left} s left";
  const bar = new SingleBar(
    { format, stream: process.stderr, clearOnComplete: true },
    Presets.shades_classic,
  );
  let started = false;
  return {
    tell(done) {
      if (performance.now() - start < 1000) return;
      const left = Math.ceil(secondsLeft(done));
      if (started) bar.update(done, { left });
      else bar.start(total, done, { left });
      started = true;
    },
    close() {
      if (started) bar.stop();
    },
  };
}
