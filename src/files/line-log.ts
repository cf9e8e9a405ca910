/** A log of JSON lines that grows beside training and never holds it up: lines are gathered and appended about once a second. */
import { isMissing } from "./look.ts";
import { readBytes } from "./read.ts";
import { appendToFile, writeFileAtomic } from "./write.ts";

const pause = 1000; // milliseconds between writes

export class LineLog {
  readonly #path: string;
  readonly #onFailure: (error: unknown) => void;
  #waiting = "";
  #writing: Promise<void> = Promise.resolve();
  #wrote = performance.now();
  #timer: NodeJS.Timeout | null = null;
  #broken = false;

  /** `onFailure` is told of the first write that fails, and again of the first after one that did not; lines are kept for the next. */
  constructor(path: string, onFailure: (error: unknown) => void) {
    this.#path = path;
    this.#onFailure = onFailure;
  }

  add(line: object): void {
    this.#waiting += `${JSON.stringify(line)}\n`;
    const left = pause - (performance.now() - this.#wrote);
    if (left <= 0) void this.flush();
    // Where no other line follows soon; a process that has nothing else to do does not wait for it.
    else this.#timer ??= setTimeout(() => void this.flush(), left).unref();
  }

  /** Resolves once all lines so far were tried to be written. */
  flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#wrote = performance.now();
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    const text = this.#waiting;
    if (text === "") return;
    this.#waiting = "";
    try {
      // A failed write may have left half a line: it must not be led on.
      await appendToFile(this.#path, this.#broken ? `\n${text}` : text);
      this.#broken = false;
    } catch (error) {
      this.#waiting = text + this.#waiting;
      if (!this.#broken) this.#onFailure(error);
      this.#broken = true;
    }
  }
}

/**
 * The objects of a file of JSON lines, and how many lines are none: the last one may have been cut off when its process ended.
 * @throws FileError where it is there and cannot be read
 */
export async function readLines(
  path: string,
): Promise<{ lines: Record<string, unknown>[]; damaged: number }> {
  let text: string;
  try {
    text = new TextDecoder().decode(await readBytes(path));
  } catch (error) {
    if (isMissing(error)) return { lines: [], damaged: 0 };
    throw error;
  }
  const lines: Record<string, unknown>[] = [];
  let damaged = 0;
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const value = parsed(line);
    if (value === null) damaged++;
    else lines.push(value);
  }
  return { lines, damaged };
}

function parsed(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

/** Begins a log at a step: what an earlier process wrote of later ones, which are to come again, is left out. @throws FileError */
export async function startLines(path: string, step: number): Promise<Record<string, unknown>[]> {
  const { lines, damaged } = await readLines(path);
  const kept = lines.filter((line) => typeof line.step === "number" && line.step <= step);
  // That the file can be written is seen here, before training.
  if (damaged === 0 && kept.length === lines.length) await appendToFile(path, "");
  else await writeFileAtomic(path, kept.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return kept;
}
