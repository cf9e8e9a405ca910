/** Ctrl-C and SIGTERM: the first asks the run to save and end, the second ends at once. */
import { exitCodes } from "./exit.ts";

/** What a run was stopped by. */
const stoppedBy = new WeakMap<AbortSignal, NodeJS.Signals>();

/** Runs `body` with a signal that is aborted by the first SIGINT or SIGTERM; `said` is what it says then. */
export async function interruptible<T>(
  body: (signal: AbortSignal) => Promise<T>,
  said = "finishing the step and saving; once more to end at once",
): Promise<T> {
  const controller = new AbortController();
  let first = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      // npm and timeout pass on what the terminal has sent as well: the same key press comes twice.
      if (performance.now() - first > 500) process.exit(codeOf(signal));
      // Which of the two arrives first is up to the system: it was the key.
      if (signal === "SIGINT") stoppedBy.set(controller.signal, signal);
      return;
    }
    first = performance.now();
    stoppedBy.set(controller.signal, signal);
    controller.abort();
    process.stderr.write(`\n${said}\n`);
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  try {
    return await body(controller.signal);
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

/** The exit code of a command that this signal has stopped: 128 and the signal's number, as shells have it. */
export const interruptedBy = (signal: AbortSignal): number => codeOf(stoppedBy.get(signal));

const codeOf = (name: NodeJS.Signals | undefined): number =>
  name === "SIGTERM" ? exitCodes.terminated : exitCodes.interrupted;
