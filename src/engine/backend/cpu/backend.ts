/** The cpu device: plans run as native programs on a pool of threads. */
import { InternalError, OutOfMemoryError } from "../../../util/index.ts";
import type {
  Backend,
  BackendStats,
  BoundRun,
  BufferId,
  Capabilities,
  Executable,
  Plan,
} from "../../ir/index.ts";
import { type Addon, requireAddon } from "./addon.ts";
import { composites } from "./composites.ts";
import { encode } from "./encode.ts";
import { type CpuOptions, chooseCatalogue, chooseIsa, chooseThreads, memoryOfProcess } from "./options.ts";

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

class CpuExecutable implements Executable {
  readonly plan: Plan;
  /** The addon's number for the program, or -1 once released. */
  program: number;
  /** Reused at every run, so that calling costs little. */
  readonly ids: Int32Array;
  readonly scalars: Float64Array;
  readonly #onRelease: (program: number) => void;

  constructor(plan: Plan, program: number, onRelease: (program: number) => void) {
    this.plan = plan;
    this.program = program;
    this.ids = new Int32Array(plan.inputs.length + plan.outputs.length);
    this.scalars = new Float64Array(plan.scalars.length);
    this.#onRelease = onRelease;
  }

  release(): void {
    if (this.program < 0) return;
    this.#onRelease(this.program);
    this.program = -1;
  }
}

class CpuBackend implements Backend {
  readonly name = "cpu";
  readonly caps: Capabilities = { composites, maxBuffersPerKernel: 64, segments: true };
  readonly #addon: Addon;
  readonly #context: number;
  readonly #isa: string;
  readonly #stats = new Float64Array(3);

  constructor(options: CpuOptions) {
    this.#addon = requireAddon();
    const isas = this.#addon.isas();
    const isa = chooseIsa(options.isa, isas);
    this.#isa = isas[isa] as string;
    const catalogue = chooseCatalogue(options.catalogue) ? 1 : 0;
    this.#context = this.#addon.create(isa, chooseThreads(options.threads), memoryOfProcess(), catalogue);
  }

  alloc(bytes: number): BufferId {
    const id = this.#addon.alloc(this.#context, bytes);
    if (id < 0) {
      throw new OutOfMemoryError(
        `the machine has no room for ${bytes} bytes more; ${this.stats().live} are in use`,
      );
    }
    return id;
  }

  lend(bytes: Uint8Array): BufferId | null {
    const id = this.#addon.lend(this.#context, bytes);
    return id < 0 ? null : id;
  }

  free(id: BufferId): void {
    this.#addon.free(this.#context, id);
  }

  write(id: BufferId, bytes: Uint8Array, offset = 0): void {
    this.#addon.write(this.#context, id, offset, bytes);
  }

  async read(id: BufferId, offset: number, bytes: number, into = new Uint8Array(bytes)): Promise<Uint8Array> {
    await this.#addon.read(this.#context, id, offset, into);
    return into;
  }

  compile(plan: Plan): Executable {
    const { program, constants } = encode(plan);
    return new CpuExecutable(plan, this.#load(program, constants), (id) =>
      this.#addon.unload(this.#context, id),
    );
  }

  run(
    exe: Executable,
    inputs: readonly BufferId[],
    outputs: readonly BufferId[],
    scalars: readonly number[],
  ): void {
    const { program, ids, scalars: numbers } = this.#bind(exe, inputs, outputs, scalars);
    this.#addon.run(this.#context, program, ids, numbers);
  }

  async runMany(
    exe: Executable,
    inputs: readonly BufferId[],
    outputs: readonly BufferId[],
    scalars: readonly number[],
    count: number,
  ): Promise<void> {
    const { program, ids, scalars: numbers } = this.#bind(exe, inputs, outputs, scalars);
    await this.#addon.runMany(this.#context, program, ids, numbers, count);
  }

  bind(exe: Executable, inputs: readonly BufferId[], outputs: readonly BufferId[]): BoundRun {
    const { program, ids } = this.#bind(exe, inputs, outputs, []);
    const addon = this.#addon;
    const context = this.#context;
    const own = ids.slice();
    return (from, to) => addon.call(context, program, own, from, to);
  }

  stats(): BackendStats {
    this.#addon.stats(this.#context, this.#stats);
    const [live, peak, arenas] = this.#stats as unknown as [number, number, number];
    return { live, peak, arenas };
  }

  explain(exe: Executable): readonly string[] {
    return this.#addon.explain(this.#context, this.#programOf("explain", exe));
  }

  time(exe: Executable, on: boolean): void {
    this.#addon.time(this.#context, this.#programOf("time", exe), on ? 1 : 0);
  }

  times(exe: Executable): readonly number[] {
    return this.#addon.times(this.#context, this.#programOf("times", exe));
  }

  describe(): string {
    const threads = this.#addon.threads(this.#context);
    return `cpu (${this.#isa}, ${threads} thread${threads === 1 ? "" : "s"})`;
  }

  #programOf(op: string, exe: Executable): number {
    if (exe instanceof CpuExecutable && exe.program >= 0) return exe.program;
    throw new InternalError(`${op}: the plan is not loaded on this device`);
  }

  #load(program: Int32Array, constants: Uint8Array): number {
    try {
      return this.#addon.load(this.#context, program, constants);
    } catch (error) {
      const code = errorCode(error);
      if (code === "NABLA_MEMORY") throw new OutOfMemoryError("the machine has no room for the plan's arena");
      if (code === "NABLA_PROGRAM") throw new InternalError(`cpu: ${(error as Error).message}`);
      throw error;
    }
  }

  #bind(
    exe: Executable,
    inputs: readonly BufferId[],
    outputs: readonly BufferId[],
    scalars: readonly number[],
  ): CpuExecutable {
    if (!(exe instanceof CpuExecutable)) throw new InternalError("run: the plan is not of this device");
    if (exe.program < 0) throw new InternalError("run: the plan has been released");
    const { ids, plan } = exe;
    if (inputs.length !== plan.inputs.length || scalars.length !== exe.scalars.length) {
      throw new InternalError("run: the number of inputs or scalars is not the plan's");
    }
    ids.fill(-1);
    for (let i = 0; i < inputs.length; i++) ids[i] = inputs[i] as number;
    for (let i = 0; i < plan.outputs.length; i++) {
      const donor = plan.outputs[i]?.donor ?? null;
      ids[inputs.length + i] = (donor === null ? outputs[i] : inputs[donor]) ?? -1;
    }
    for (let i = 0; i < scalars.length; i++) exe.scalars[i] = scalars[i] as number;
    return exe;
  }
}

/** A cpu device of its own: its memory, its threads. Throws ConfigError when the addon is missing or an option is wrong. */
export const cpuBackend = (options: CpuOptions = {}): Backend => new CpuBackend(options);
