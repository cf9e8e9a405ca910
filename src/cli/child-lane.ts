/** A lane in a process of its own: threads of its own, and a trial that brings it down ends no other. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { failedLeg, type Lane, type Leg, type Order } from "../train/index.ts";

export interface LaneSetup {
  readonly file: string;
  readonly device?: string | undefined;
  readonly threads: number;
}

export type LaneRequest =
  | { readonly kind: "run"; readonly order: Order }
  | { readonly kind: "keep"; readonly trials: readonly number[] }
  | { readonly kind: "stop" };

export type LaneReply = Leg;

const program = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./compare-lane.ts" : "../cli/compare-lane.js", import.meta.url),
);

export class ChildLane implements Lane {
  readonly #setup: LaneSetup;
  #child: ChildProcess;
  /** The end of what it said last on stderr. */
  #said = "";

  constructor(setup: LaneSetup) {
    this.#setup = setup;
    this.#child = this.#start();
  }

  #start(): ChildProcess {
    const child = fork(program, ["lane", JSON.stringify(this.#setup)], {
      serialization: "advanced", // JSON has no infinite losses
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#said = "";
    child.stderr?.on("data", (text) => {
      this.#said = (this.#said + text).slice(-2000);
    });
    child.on("error", () => undefined); // its exit tells
    return child;
  }

  get #gone(): boolean {
    return !this.#child.connected || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  run(order: Order, signal?: AbortSignal): Promise<Leg> {
    if (this.#gone) this.#child = this.#start();
    const child = this.#child;
    return new Promise((resolve) => {
      const stop = (): void => this.#send({ kind: "stop" });
      const settle = (leg: Leg): void => {
        child.off("message", settle).off("exit", onExit);
        signal?.removeEventListener("abort", stop);
        resolve(leg);
      };
      const onExit = async (code: number | null, killed: string | null): Promise<void> => {
        if (child.stderr && !child.stderr.closed) await once(child.stderr, "close"); // the rest of what it said
        const last = this.#said.trim().split("\n").at(-1) ?? "";
        settle(failedLeg(`its process ended (${killed ?? `code ${code}`})${last === "" ? "" : `: ${last}`}`));
      };
      child.on("message", settle).on("exit", onExit);
      signal?.addEventListener("abort", stop);
      this.#send({ kind: "run", order });
    });
  }

  keep(trials: readonly number[]): void {
    if (!this.#gone) this.#send({ kind: "keep", trials });
  }

  #send(request: LaneRequest): void {
    // A child that is gone is told by its exit.
    this.#child.send(request, () => undefined);
  }

  async close(): Promise<void> {
    if (this.#gone) return;
    const child = this.#child;
    const late = setTimeout(() => child.kill("SIGKILL"), 2000);
    // Not "close": Node does not emit it once the parent has disconnected.
    const exit = once(child, "exit");
    child.disconnect();
    await exit;
    clearTimeout(late);
  }
}
