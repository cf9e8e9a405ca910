/** A process started for one measurement: how long until its first answer, and what that was. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { PeerError, type PeerSpec } from "./peer.ts";

export interface FirstAnswer {
  /** From before the start of the process to the line with its answer. */
  readonly seconds: number;
  readonly answer: Readonly<Record<string, unknown>>;
}

/** Throws PeerError when it ends without an answer. */
export function firstAnswer(spec: PeerSpec, job: object): Promise<FirstAnswer> {
  return new Promise((resolve, reject) => {
    let complaint = "";
    let first: FirstAnswer | undefined;
    const start = performance.now();
    const child = spawn(spec.command, [...spec.args, JSON.stringify({ ...job, threads: spec.threads })], {
      env: { ...process.env, ...spec.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stderr.on("data", (text: Buffer) => {
      complaint = (complaint + text.toString()).slice(-4000);
    });
    child.on("error", (error) => reject(new PeerError(error.message)));
    // Its end is waited for, so that the next contestant has the machine for itself.
    child.on("close", (code) => {
      if (first !== undefined) resolve(first);
      else reject(new PeerError(`ended with code ${code} and no answer: ${complaint.trim()}`));
    });
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (!line.startsWith("{")) return;
      first ??= { seconds: (performance.now() - start) / 1000, answer: JSON.parse(line) };
    });
  });
}
