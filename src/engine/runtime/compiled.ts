/** A plan bound to a device: takes storages, gives storages. */
import { InternalError } from "../../util/index.ts";
import { compile } from "../compile/index.ts";
import { type BufferId, type Executable, type Node, type Plan, topologicalOrder } from "../ir/index.ts";
import { PlanCache } from "./cache.ts";
import type { Device } from "./device.ts";
import { graphKey } from "./key.ts";
import { allocate, Storage } from "./storage.ts";

/** What is to be compiled: values of `outputs` from `inputs` (tensors) and `scalars` (0-d host numbers). */
export interface Program {
  readonly inputs: readonly Node[];
  readonly scalars: readonly Node[];
  readonly outputs: readonly Node[];
  /** Per input: its memory is given to the run. */
  readonly donated: readonly boolean[];
  /** Outputs that must end in the memory of a donated input: [output, input]. */
  readonly pairs: readonly (readonly [number, number])[];
}

export class Compiled {
  readonly plan: Plan;
  readonly #device: Device;
  #exe: Executable | null = null;

  constructor(device: Device, plan: Plan) {
    this.#device = device;
    this.plan = plan;
  }

  /** What keeping it costs, roughly. */
  get bytes(): number {
    return this.plan.arenaBytes + 1024 * this.plan.steps.length;
  }

  get device(): Device {
    return this.#device;
  }

  unload(): void {
    this.#exe?.release();
    this.#exe = null;
  }

  #load(): Executable {
    this.#exe ??= this.#device.backend.compile(this.plan);
    return this.#exe;
  }

  /** Runs once. Donated inputs are gone afterwards; `to` says to whom. */
  run(inputs: readonly Storage[], scalars: readonly number[], to: string): Storage[] {
    const exe = this.#load();
    const inputIds = inputs.map((storage) => storage.buffer);
    const outputIds = this.#outputs(inputIds);
    this.#device.backend.run(exe, inputIds, outputIds, scalars);
    return this.#settle(inputs, outputIds, to);
  }

  /** Runs `count` times over the same memory, off the event loop. Every donated input must have its output (Program.pairs). */
  async runMany(
    inputs: readonly Storage[],
    scalars: readonly number[],
    count: number,
    to: string,
  ): Promise<Storage[]> {
    const exe = this.#load();
    const inputIds = inputs.map((storage) => storage.buffer);
    const outputIds = this.#outputs(inputIds);
    for (const storage of inputs) storage.pin();
    try {
      await this.#device.backend.runMany(exe, inputIds, outputIds, scalars, count);
    } finally {
      for (const storage of inputs) storage.unpin();
    }
    return this.#settle(inputs, outputIds, to);
  }

  #outputs(inputIds: readonly BufferId[]): BufferId[] {
    return this.plan.outputs.map(({ donor, aval }) => {
      if (donor === null) return allocate(this.#device, aval);
      const id = inputIds[donor];
      if (id === undefined) throw new InternalError(`run: output's donor ${donor} is not an input`);
      return id;
    });
  }

  #settle(inputs: readonly Storage[], outputIds: readonly BufferId[], to: string): Storage[] {
    const reused = new Set<number>();
    for (const { donor } of this.plan.outputs) if (donor !== null) reused.add(donor);
    inputs.forEach((storage, index) => {
      if (!this.plan.donated[index]) return;
      const buffer = storage.donate(to);
      if (!reused.has(index)) this.#device.backend.free(buffer);
    });
    return this.plan.outputs.map(
      ({ aval }, index) => new Storage(this.#device, aval, outputIds[index] as BufferId),
    );
  }
}

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
  const { inputs, scalars, outputs, donated, pairs } = program;
  const leaves = [...inputs, ...scalars];
  const flags = `${donated.map(Number).join("")}|${scalars.length}|${pairs.join(";")}|`;
  const key = flags + graphKey(leaves, topologicalOrder(outputs), outputs);
  let found = plansOf(device).get(key);
  if (found === undefined) {
    const plan = compile(
      { inputs: [...inputs], scalars: [...scalars], outputs: [...outputs], donated: [...donated], pairs },
      device.backend.caps,
    );
    found = new Compiled(device, plan);
    plansOf(device).set(key, found);
  }
  return found;
}
