/** Options that commands share, and the parsers of their values. */
import { type Command, InvalidArgumentError } from "commander";
import { setDefaultDevice, setThreads } from "../engine/runtime/index.ts";
import type { LoadOptions } from "../train/index.ts";
import { parseDuration } from "../util/index.ts";

export interface CommonOptions {
  readonly device?: string;
  readonly threads?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly debug?: boolean;
}

/** Which of a run's checkpoints. */
export interface WeightsOptions extends CommonOptions {
  readonly best?: boolean;
}

export const weightsIn = ({ best = false }: WeightsOptions): LoadOptions => ({
  which: best ? "best" : "newest",
});

export const withWeights = (command: Command): Command =>
  command.option("--best", "the weights of the best checkpoint that was kept, not the newest");

/** A parser for whole numbers of at least `least`. */
export const whole =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
  };

export function positive(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("It must be a number above 0.");
}

export function number(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number.");
}

/** A parser for lists, as in 0.1,0.01. */
export const list =
  <T>(parse: (text: string) => T) =>
  (text: string): T[] =>
    text.split(",").map((part) => parse(part.trim()));

/** Seconds: 90, 90s, 1.5m, 2h or 1h30m. */
export function duration(text: string): number {
  const value = parseDuration(text);
  if (value !== null) return value;
  throw new InvalidArgumentError("It must be a time such as 60s, 2m or 1h30m.");
}

export function withCommonOptions(command: Command): Command {
  return command
    .option("--device <name>", "cpu or reference (default: cpu)")
    .option(
      "--threads <n>",
      "threads of the cpu device (default: all; results do not depend on it)",
      whole(1),
    )
    .option("--json", "print one JSON object as the last line of stdout")
    .option("--quiet", "print no progress and no tables")
    .option(
      "--debug",
      "print the stack of an error; in training name the operation that made a NaN (slower)",
    );
}

/** Of commands that compute nothing. */
export function withOutput(command: Command): Command {
  return command
    .option("--json", "print one JSON object as the last line of stdout")
    .option("--quiet", "print no text")
    .option("--debug", "print the stack of an error");
}

/** Sets device and threads for what follows. Throws ConfigError for an unknown or unavailable device. */
export function useDevice({ device, threads }: CommonOptions): void {
  if (threads !== undefined) setThreads(threads);
  if (device !== undefined) setDefaultDevice(device);
}

/** Where text for people goes: stdout, or stderr where stdout is for JSON; nowhere when quiet. */
export function print(options: CommonOptions, text: string): void {
  if (options.quiet || text === "") return;
  (options.json ? process.stderr : process.stdout).write(`${text}\n`);
}

export function printJson(options: CommonOptions, value: object): void {
  if (options.json) process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** A word as a shell takes it. */
export const shellWord = (text: string): string =>
  /^[\w./@:+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
