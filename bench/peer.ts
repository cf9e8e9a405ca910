/** A contestant in a process of its own: one JSON command a line in, one JSON answer a line out. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** How a contestant is started. Its program gets the job as JSON in its first argument. */
export interface PeerSpec {
  /** What the table calls it. */
  readonly name: string;
  readonly threads: number;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface Hello {
  readonly versions: Readonly<Record<string, string>>;
}

type Waiting = { resolve: (answer: unknown) => void; reject: (error: Error) => void };

/** The contestant could not be started or broke; `message` says what it wrote to its standard error. */
export class PeerError extends Error {}

export class Peer {
  readonly spec: PeerSpec;
  private readonly child: ChildProcessWithoutNullStreams;
  private waiting: Waiting | undefined;
  private complaint = "";
  private ended: Error | undefined;

  private constructor(spec: PeerSpec, job: unknown) {
    this.spec = spec;
    this.child = spawn(spec.command, [...spec.args, JSON.stringify(job)], {
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
  static async start(spec: PeerSpec, job: unknown): Promise<{ peer: Peer; hello: Hello }> {
    const peer = new Peer(spec, job);
    return { peer, hello: (await peer.answer()) as Hello };
  }

  /** Losses of the first `steps` steps, in order and unshuffled, from the common initial weights. */
  async check(steps: number): Promise<readonly number[]> {
    return ((await this.ask({ command: "check", steps })) as { losses: number[] }).losses;
  }

  /** Trains `units` steps or epochs further and gives the seconds they took. */
  async run(units: number): Promise<number> {
    return ((await this.ask({ command: "run", units })) as { seconds: number }).seconds;
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
    this.ended ??= new PeerError(
      `${this.spec.name}: ${reason}${this.complaint ? `: ${this.complaint.trim()}` : ""}`,
    );
    this.waiting?.reject(this.ended);
    this.waiting = undefined;
  }
}
