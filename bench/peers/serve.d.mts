import type { RunAnswer } from "../peer.ts";

export function job<Job>(): Job;

export function serve(program: {
  versions?: Readonly<Record<string, string>>;
  check: (steps: number) => readonly number[] | Promise<readonly number[]>;
  run: (units: number, limit: number) => number | RunAnswer | Promise<number | RunAnswer>;
}): Promise<void>;
