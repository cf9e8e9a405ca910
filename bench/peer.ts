/**
 * A contestant in a process of its own: one JSON command a line in, one JSON answer a line out.
 *
 * The process gets the job as JSON in its last argument and prints {"versions": {...}} when it is ready. Then it answers
 *   {"command": "check", "steps": n}            with {"numbers": [...]}: what all contestants must agree on
 *   {"command": "run", "units": n, "limit": s}  with {"seconds": t}, where it may stop after s seconds and say how many units it did
 *                                               ({"seconds": t, "units": done}), or with {"value": v} for what is not a time
 * peers/serve.mjs and peers/serve.py hold that loop.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** How a contestant is started. */
export interface PeerSpec {
  /** What the table calls it. */
  readonly name: string;
  readonly threads: number;
  /** What else sets it apart from another of the same name and threads ("passive waiting"). */
  readonly variant?: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** How to install it, said where it cannot start. */
  readonly install?: string;
  /** Why its numbers are not compared: it computes something else. Said under the table. */
  readonly otherMaths?: string;
}

export const peerLabel = ({ name, threads, variant }: PeerSpec): string =>
  `${name} (${[String(threads), ...(variant === undefined ? [] : [variant])].join(", ")})`;

export interface Hello {
  readonly versions: Readonly<Record<string, string>>;
}

export type RunAnswer =
  | { readonly seconds: number; readonly units?: number }
  | { readonly value: number; readonly seconds?: undefined };

type Waiting = { resolve: (answer: unknown) => void; reject: (error: Error) => void };

/** The contestant could not be started or broke; `message` says what it wrote to its standard error. */
export class PeerError extends Error {}

export class Peer {
  readonly spec: PeerSpec;
  private readonly child: ChildProcessWithoutNullStreams;
  private waiting: Waiting | undefined;
  private complaint = "";
  private ended: Error | undefined;

  private constructor(spec: PeerSpec, job: object) {
    this.spec = spec;
    this.child = spawn(spec.command, [...spec.args, JSON.stringify({ ...job, threads: spec.threads })], {
      env: { ...process.env, ...spec.env },
      stdio: "pipe",
    });
    this.child.stderr.on("data", (text: Buffer) => {
      this.complaint = (this.complaint + text.toString()).slice(-4000);
    });
    this.child.stdin.on("error", (error) => this.end(error.message));
    this.child.on("error", (error) => this.end(error.message));
    this.child.on("close", (code) => this.end(`ended with code ${code}`));
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      // Libraries print banners to stdout; only JSON objects are answers.
      if (!line.startsWith("{")) return;
      const { waiting } = this;
      this.waiting = undefined;
      waiting?.resolve(JSON.parse(line));
    });
  }

  /** Starts the contestant and waits until it has loaded its data. */
  static async start(spec: PeerSpec, job: object): Promise<{ peer: Peer; hello: Hello }> {
    const peer = new Peer(spec, job);
    return { peer, hello: (await peer.answer()) as Hello };
  }

  /** The first `steps` results (losses, in order and unshuffled, from the common initial weights). */
  async check(steps: number): Promise<readonly number[]> {
    return ((await this.ask({ command: "check", steps })) as { numbers: number[] }).numbers;
  }

  /** Does `units` of the work further, or fewer once `limit` seconds have passed. */
  async run(units: number, limit: number): Promise<RunAnswer> {
    return (await this.ask({ command: "run", units, limit })) as RunAnswer;
  }

  stop(): void {
    this.child.stdin.end();
  }

  private ask(command: unknown): Promise<unknown> {
    const answer = this.answer();
    if (this.ended === undefined) this.child.stdin.write(`${JSON.stringify(command)}\n`);
    return answer;
  }

  private answer(): Promise<unknown> {
    if (this.ended !== undefined) return Promise.reject(this.ended);
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
    });
  }

  private end(reason: string): void {
    this.ended ??= new PeerError(`${reason}${this.complaint ? `: ${this.complaint.trim()}` : ""}`);
    this.waiting?.reject(this.ended);
    this.waiting = undefined;
  }
}
