/** A plan bound to a device: takes storages, gives storages. */
import { DonatedError, InternalError, UnsupportedError } from "../../util/index.ts";
import { compile, explainSteps, type StepWork, workOfSteps } from "../compile/index.ts";
import {
  type BoundRun,
  type BufferId,
  type Executable,
  formatAval,
  type MatmulPrecision,
  type Node,
  type Plan,
  type PlanOutput,
  type Scopes,
  type Step,
  topologicalOrder,
} from "../ir/index.ts";
import { PlanCache } from "./cache.ts";
import type { Device } from "./device.ts";
import { graphKey } from "./key.ts";
import { type Allocation, allocate, Storage } from "./storage.ts";

/** What is to be compiled: values of `outputs` from `inputs` (tensors) and `scalars` (0-d host numbers). */
export interface Program {
  readonly inputs: readonly Node[];
  readonly scalars: readonly Node[];
  readonly outputs: readonly Node[];
  /** Per input: its memory is given to the run. */
  readonly donated: readonly boolean[];
  /** Outputs that must end in the memory of a donated input: [output, input]. */
  readonly pairs: readonly (readonly [number, number])[];
  /** Of its matrix products; default "f32". */
  readonly matmulPrecision?: MatmulPrecision | undefined;
}

export interface StepTiming {
  /** As `explain` words it. */
  readonly step: string;
  /** How the device runs it. */
  readonly note: string;
  /** Of all threads together; of a loop with all that is in it. */
  readonly nanoseconds: number;
  /** For one run; of a loop none, for what is in it follows. */
  readonly work: StepWork;
  /** The parts it is for, by `inScope`, and what of its work is for each. */
  readonly scopes: Scopes;
  /** Of a loop: how many of the steps that follow are in it. */
  readonly inside: number;
}

/** What a plan took since it is timed. */
export interface PlanTiming {
  /** How often it ran. */
  readonly runs: number;
  /** Of the wall clock. */
  readonly seconds: number;
  /** Those inside a loop right after it. */
  readonly steps: readonly StepTiming[];
  readonly arenaBytes: number;
  /** How many threads there are. */
  readonly threads: number;
}

/** Those inside a loop right after it. */
const allSteps = (steps: readonly Step[]): Step[] =>
  steps.flatMap((step) => [step, ...(step.kind === "loop" ? allSteps(step.steps) : [])]);

export class Compiled {
  readonly plan: Plan;
  readonly #device: Device;
  /** Donated inputs whose memory an output takes, and those whose memory nobody wants. */
  readonly #given: readonly number[];
  readonly #lost: readonly number[];
  #exe: Executable | null = null;
  /** While it is timed. */
  #clock: { runs: number; seconds: number } | null = null;

  constructor(device: Device, plan: Plan) {
    this.#device = device;
    this.plan = plan;
    const taken = new Set(plan.outputs.map(({ donor }) => donor));
    const donated = [...plan.donated.keys()].filter((index) => plan.donated[index]);
    this.#given = donated.filter((index) => taken.has(index));
    this.#lost = donated.filter((index) => !taken.has(index));
  }

  /** What keeping it costs, roughly. */
  get bytes(): number {
    return this.plan.arenaBytes + 1024 * this.plan.steps.length;
  }

  get device(): Device {
    return this.#device;
  }

  /** What the device says of each step; nothing where it has nothing to say. */
  notes(): readonly string[] {
    return this.#device.backend.explain?.(this.#load()) ?? [];
  }

  /** Begins to time its steps, from 0, or ends it. Throws UnsupportedError where the device cannot. */
  time(on: boolean): void {
    const { backend } = this.#device;
    if (backend.time === undefined) {
      throw new UnsupportedError(
        `time: ${backend.name} cannot time the steps of a plan. Use the cpu device.`,
      );
    }
    this.#clock = on ? { runs: 0, seconds: 0 } : null;
    backend.time(this.#load(), on);
  }

  /** What it and each of its steps took since `time(true)`; null where it is not timed. */
  timings(): PlanTiming | null {
    if (this.#clock === null) return null;
    const nanoseconds = this.#device.backend.times?.(this.#load()) ?? [];
    const notes = this.notes();
    const work = workOfSteps(this.plan);
    const steps = allSteps(this.plan.steps);
    const each = explainSteps(this.plan).map((step, i) => ({
      step,
      note: notes[i] ?? "",
      nanoseconds: nanoseconds[i] ?? 0,
      work: work[i] ?? { flops: 0, bytes: 0 },
      scopes: steps[i]?.scopes ?? {},
      inside: steps[i] === undefined ? 0 : allSteps([steps[i]]).length - 1,
    }));
    const threads = this.#device.backend.threads?.() ?? 1;
    return { ...this.#clock, steps: each, arenaBytes: this.plan.arenaBytes, threads };
  }

  unload(): void {
    this.#exe?.release();
    this.#exe = null;
  }

  #load(): Executable {
    if (this.#exe !== null) return this.#exe;
    this.#exe = this.#device.backend.compile(this.plan);
    // Loaded again after the cache let go of it.
    if (this.#clock !== null) this.#device.backend.time?.(this.#exe, true);
    return this.#exe;
  }

  /** Runs once. Donated inputs are gone afterwards; `to` says to whom. */
  run(inputs: readonly Storage[], scalars: readonly number[], to: string): Storage[] {
    const exe = this.#load();
    const memories = this.#memories(inputs, to);
    const results = this.#results(memories);
    const began = performance.now();
    this.#device.backend.run(exe, memories.map(idOf), results.map(idOf), scalars);
    this.#note(1, began);
    return this.#settle(inputs, results, to);
  }

  /** Runs `count` times over the same memory, off the event loop. Every donated input must have its output (Program.pairs). */
  async runMany(
    inputs: readonly Storage[],
    scalars: readonly number[],
    count: number,
    to: string,
  ): Promise<Storage[]> {
    const exe = this.#load();
    const memories = this.#memories(inputs, to);
    const results = this.#results(memories);
    for (const memory of memories) memory.pin();
    // Given away from now on: nobody may read what is being written.
    const settled = this.#settle(inputs, results, to);
    const began = performance.now();
    try {
      await this.#device.backend.runMany(exe, memories.map(idOf), results.map(idOf), scalars, count);
      this.#note(count, began);
    } finally {
      for (const memory of memories) memory.unpin();
    }
    return settled;
  }

  /**
   * Binds the plan to memory: `inputs[0]` takes the first array of a call, `output` gives the second. Calling throws DonatedError once
   * one of them is gone. Throws UnsupportedError where the device cannot be read without a promise.
   */
  bind(inputs: readonly Storage[], output: Storage, name: string): BoundRun {
    const { backend } = this.#device;
    if (backend.bind === undefined) {
      throw new UnsupportedError(`${name}: ${backend.name} cannot be read without a promise. Use jit.`);
    }
    const storages = [...inputs, output];
    const ids = storages.map(({ memory }) => memory.buffer);
    let exe: Executable | null = null;
    let run: BoundRun | null = null;
    return (from, to) => {
      for (let i = 0; i < storages.length; i++) {
        if ((storages[i] as Storage).memory.buffer !== ids[i])
          throw new InternalError("bind: memory has moved");
      }
      // A plan that the cache let go of is loaded again.
      if (run === null || exe !== this.#exe) {
        exe = this.#load();
        run = backend.bind?.(exe, ids.slice(0, -1), ids.slice(-1)) ?? null;
      }
      run?.(from, to);
    };
  }

  #note(runs: number, began: number): void {
    if (this.#clock === null) return;
    this.#clock.runs += runs;
    this.#clock.seconds += (performance.now() - began) / 1000;
  }

  /** Throws DonatedError when memory that is given away is also read through another input, or is the host's. */
  #memories(inputs: readonly Storage[], to: string): Allocation[] {
    const memories = inputs.map((storage) => storage.memory);
    const mark = ++marks;
    for (const given of [this.#given, this.#lost]) {
      for (const index of given) {
        const memory = memories[index] as Allocation;
        if (memory.lent) throw lentAway(inputs[index] as Storage, to);
        if (memory.mark === mark) throw aliased(inputs[index] as Storage, to);
        memory.mark = mark;
      }
    }
    memories.forEach((memory, index) => {
      if (memory.mark === mark && !this.plan.donated[index]) throw aliased(inputs[index] as Storage, to);
    });
    return memories;
  }

  /** Where each output goes: its donor's memory, or fresh. */
  #results(inputs: readonly Allocation[]): Allocation[] {
    return this.plan.outputs.map(({ donor, aval }) => {
      if (donor === null) return allocate(this.#device, aval);
      const memory = inputs[donor];
      if (memory === undefined) throw new InternalError(`run: output's donor ${donor} is not an input`);
      return memory;
    });
  }

  #settle(inputs: readonly Storage[], results: readonly Allocation[], to: string): Storage[] {
    for (const index of this.#given) (inputs[index] as Storage).donate(to);
    for (const index of this.#lost) (inputs[index] as Storage).donate(to).free();
    const { outputs } = this.plan;
    return results.map((memory, index) => new Storage((outputs[index] as PlanOutput).aval, memory));
  }
}

let marks = 0;

const aliased = (storage: Storage, to: string): DonatedError =>
  new DonatedError(
    `${to}: a donated tensor must not be passed twice; got the same ${formatAval(storage.aval)} again. Pass a copy.`,
  );

const lentAway = (storage: Storage, to: string): DonatedError =>
  new DonatedError(
    `${to}: what is donated must be the device's own memory; got ${formatAval(storage.aval)} on the host's. Pass a copy.`,
  );

const idOf = (memory: Allocation): BufferId => memory.buffer;

const caches = new Map<Device, PlanCache<Compiled>>();

/** The plans a device has loaded. */
export function plansOf(device: Device): PlanCache<Compiled> {
  let cache = caches.get(device);
  if (cache === undefined) {
    cache = new PlanCache();
    caches.set(device, cache);
  }
  return cache;
}

/** The device's plan for a program, from its cache or compiled now. */
export function compiled(device: Device, program: Program): Compiled {
  const { inputs, scalars, outputs, donated, pairs, matmulPrecision = "f32" } = program;
  const leaves = [...inputs, ...scalars];
  const flags = `${donated.map(Number).join("")}|${scalars.length}|${pairs.join(";")}|${matmulPrecision}|`;
  const key = flags + graphKey(leaves, topologicalOrder(outputs), outputs);
  let found = plansOf(device).get(key);
  if (found === undefined) {
    const plan = compile(
      { inputs: [...inputs], scalars: [...scalars], outputs: [...outputs], donated: [...donated], pairs },
      device.backend.caps,
      { matmulPrecision },
    );
    found = new Compiled(device, plan);
    plansOf(device).set(key, found);
  }
  return found;
}
