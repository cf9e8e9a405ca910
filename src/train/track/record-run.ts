/** What a run's folder holds besides its history: environment, plan, every so many steps, and how it stands. */
import { join } from "node:path";
import { ensureFolder, LineLog, startLines, writeFileAtomic } from "../../files/index.ts";
import { optionNames, rejectUnknown, warn } from "../../util/index.ts";
import type { Callback, Events, Plan, Run, Scores } from "../events.ts";
import { wholeNumber } from "../options.ts";
import { usedHyperparameters } from "../used-hyperparameters.ts";
import { environment } from "./environment.ts";
import { planText } from "./plan-text.ts";
import { writeStatus } from "./status.ts";
import { StepMeans } from "./step-means.ts";

export interface RecordOptions {
  /** Steps from one line of steps.jsonl to the next, at least; default 50. */
  readonly every?: number;
  /** Where git is asked for the revision; default: the current folder. */
  readonly cwd?: string;
  /** Told of what could not be written while training goes on; default: a process warning. */
  readonly onFailure?: (error: unknown) => void;
}

export const recordOptionNames = optionNames<RecordOptions>({ every: true, cwd: true, onFailure: true });

/** A line of steps.jsonl: means over the steps since the line before. */
export interface StepRecord {
  /** Steps taken. */
  readonly step: number;
  /** The epoch it was in, from 1. */
  readonly epoch: number;
  readonly train: Scores;
  readonly hyperparameters: Readonly<Record<string, number>>;
  readonly samplesPerSecond: number;
  /** The share of the time in which steps waited for data. */
  readonly waiting: number;
  /** Since the start of the run, of the wall clock; without the time between a stop and its resume. */
  readonly seconds: number;
}

/**
 * Writes environment.json, plan.txt, steps.jsonl and status.json of a run into its folder, which a function may name when the run
 * starts. Of these only the start throws FileError; later failures are told and training goes on.
 */
export function recordRun(folder: string | (() => string), options: RecordOptions = {}): Callback {
  rejectUnknown("track", options, recordOptionNames);
  const { cwd = process.cwd(), onFailure = warn } = options;
  const every = wholeNumber("track", "every", options.every ?? 50, 1);
  let recorder: Recorder | null = null;
  return {
    name: "tracking",
    async start({ plan, position }) {
      const dir = typeof folder === "string" ? folder : folder();
      const made = new Recorder(dir, every, onFailure);
      await made.start(plan, position.step, cwd);
      recorder = made;
    },
    batchSize: () => recorder?.replan(),
    stepEnd: (event, run) => recorder?.step(event, run),
    rollback: ({ position }) => recorder?.back(position.step),
    async stop({ reason }, run) {
      await recorder?.line(run);
      await recorder?.end(reason === "interrupted" ? "interrupted" : "done", reason);
    },
    error: async ({ error }) =>
      recorder?.end("failed", error instanceof Error ? error.message : String(error)),
  };
}

/** Seconds of native steps beside which something else may be done. */
const worthwhile = 0.02;

class Recorder {
  readonly #dir: string;
  readonly #every: number;
  readonly #onFailure: (error: unknown) => void;
  readonly #log: LineLog;
  readonly #means = new StepMeans();
  readonly #started = new Date().toISOString();
  #plan: Plan | null = null;
  #planDue = true;
  /** Where git is asked; null once that is under way. */
  #cwd: string | null = null;
  #last = { step: 0, seconds: 0, clock: performance.now() };
  #pending: { step: number; epoch: number } | null = null;
  #facts: Promise<void> = Promise.resolve();

  constructor(dir: string, every: number, onFailure: (error: unknown) => void) {
    this.#dir = dir;
    this.#every = every;
    this.#onFailure = onFailure;
    this.#log = new LineLog(join(dir, "steps.jsonl"), onFailure);
  }

  async start(plan: Plan, step: number, cwd: string): Promise<void> {
    this.#plan = plan;
    await ensureFolder(this.#dir);
    const [kept] = await Promise.all([
      startLines(join(this.#dir, "steps.jsonl"), step),
      writeStatus(join(this.#dir, "status.json"), "running", null, this.#started),
    ]);
    const before = Number(kept.at(-1)?.seconds ?? 0);
    this.#last = { step, seconds: Number.isFinite(before) ? before : 0, clock: performance.now() };
    this.#cwd = cwd;
  }

  /** Git may take its time, and to start it holds this process up for tens of milliseconds: the native steps go on meanwhile. */
  #describe(): void {
    const cwd = this.#cwd;
    if (cwd === null) return;
    this.#cwd = null;
    this.#beside(async () => {
      const facts = await environment(this.#plan?.device ?? "", cwd);
      await this.#write("environment.json", `${JSON.stringify(facts, null, 2)}\n`);
    });
  }

  /** Once the next steps are under way. */
  #beside(work: () => Promise<void>): void {
    const next = new Promise((resolve) => setImmediate(resolve));
    this.#facts = Promise.all([this.#facts, next.then(work)]).then(() => undefined, this.#onFailure);
  }

  /** Another size of batch is another step. */
  replan(): void {
    this.#planDue = true;
  }

  async step(event: Events["stepEnd"], run: Run): Promise<void> {
    this.#means.add(event);
    const { step, epoch } = event.position;
    this.#pending = { step, epoch: epoch + 1 };
    if (this.#planDue && this.#plan !== null) {
      this.#planDue = false;
      const plan = this.#plan;
      this.#beside(() => this.#write("plan.txt", planText(plan, run.explain())));
    }
    if (event.seconds >= worthwhile) this.#describe();
    if (step - this.#last.step >= this.#every) await this.line(run);
  }

  /** Of the steps since the last line, if there were any. */
  async line(run: Run): Promise<void> {
    const means = this.#means.take();
    if (means === null || this.#pending === null) return;
    const hyperparameters = await usedHyperparameters(run);
    const { clock } = this.#last;
    const now = performance.now();
    const seconds = Number((this.#last.seconds + (now - clock) / 1000).toFixed(3));
    const { train, ...speed } = means;
    const record: StepRecord = { ...this.#pending, train, hyperparameters, ...speed, seconds };
    this.#log.add(record);
    this.#last = { step: record.step, seconds, clock: now };
  }

  /** The lines of steps that come again are taken away. */
  async back(step: number): Promise<void> {
    this.#means.take();
    this.#pending = null;
    this.#last = { ...this.#last, step: Math.min(this.#last.step, step) };
    await this.#log.flush();
    await startLines(join(this.#dir, "steps.jsonl"), step).catch(this.#onFailure);
  }

  async end(status: "done" | "interrupted" | "failed", reason: string | null): Promise<void> {
    this.#describe();
    await Promise.all([this.#log.flush(), this.#facts]);
    try {
      await writeStatus(join(this.#dir, "status.json"), status, reason, this.#started);
    } catch (error) {
      this.#onFailure(error);
    }
  }

  async #write(name: string, text: string): Promise<void> {
    try {
      await writeFileAtomic(join(this.#dir, name), text);
    } catch (error) {
      this.#onFailure(error);
    }
  }
}
