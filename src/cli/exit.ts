/** How a command ends: one line that says why, and an exit code. */
import { fileURLToPath } from "node:url";
import { NablaError } from "../util/index.ts";

/** 0 done; 1 an error; 2 wrong usage; 130 stopped by Ctrl-C, 143 by SIGTERM, state saved. */
export const exitCodes = { done: 0, error: 1, usage: 2, interrupted: 130, terminated: 143 } as const;

/** The command line itself is wrong: exit code 2. */
export class UsageError extends NablaError {
  override name = "UsageError";
}

const ownFolder = fileURLToPath(new URL("..", import.meta.url));

/** Where in the user's own files an error came from, as `file:line: `; empty when it came from nowhere there. */
function place(error: Error): string {
  for (const line of (error.stack ?? "").split("\n")) {
    const match = /(?:\(|at )(?:async )?((?:file:\/\/)?\/[^()]*?|file:\/\/[^()]*?):(\d+)(?::\d+)?\)?$/.exec(
      line.trim(),
    );
    if (!match) continue;
    const [, where = "", number] = match;
    const file = where.startsWith("file://") ? fileURLToPath(where) : where;
    if (!file.startsWith(ownFolder) && !file.includes("/node_modules/")) return `${file}:${number}: `;
  }
  return "";
}

/** An error in one line: cause and cure for nabla's own, place and text for those of the user's code. */
export function describeError(error: unknown): string {
  const oneLine = (text: string) => text.replace(/\s*\n\s*/g, " ").trim();
  if (error instanceof NablaError) {
    // What a user's callback threw has its place there.
    const where = error.name === "CallbackError" && error.cause instanceof Error ? place(error.cause) : "";
    return oneLine(where === "" ? error.message : `${error.message} (${where.replace(/: $/, "")})`);
  }
  if (error instanceof Error) {
    return oneLine(`${place(error)}${error.name}: ${error.message}. Run again with --debug for the stack.`);
  }
  return oneLine(`something other than an Error was thrown: ${String(error)}.`);
}

/** Writes the line (and with debug the stack) to stderr and gives the exit code. */
export function report(error: unknown, debug: boolean): number {
  process.stderr.write(`nabla: ${describeError(error)}\n`);
  if (debug && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return error instanceof UsageError ? exitCodes.usage : exitCodes.error;
}
