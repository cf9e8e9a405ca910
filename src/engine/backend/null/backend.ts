/** A device without memory or arithmetic: plans are checked and counted. */
import { ConfigError } from "../../../util/index.ts";
import {
  type Backend,
  type BackendStats,
  type BufferId,
  type Capabilities,
  type Executable,
  type Plan,
  type Step,
  verifyPlan,
} from "../../ir/index.ts";

/** How many steps of each kind a plan runs, those inside loops once per round whatever their guards, and what it needs. */
export interface PlanCounts {
  readonly steps: number;
  readonly byKind: Readonly<Partial<Record<Step["kind"], number>>>;
  /** Kernels and epilogues count their segments. */
  readonly segments: number;
  readonly arenaBytes: number;
}

export function planCounts(plan: Plan): PlanCounts {
  const byKind: Partial<Record<Step["kind"], number>> = {};
  let steps = 0;
  let segments = 0;
  const count = (list: readonly Step[], rounds: number) => {
    for (const step of list) {
      if (step.kind === "loop") {
        count(step.steps, rounds * step.length);
        continue;
      }
      steps += rounds;
      segments += rounds * (step.kind === "fused" ? step.segments.length : 1);
      byKind[step.kind] = (byKind[step.kind] ?? 0) + rounds;
    }
  };
  count(plan.steps, 1);
  return { steps, byKind, segments, arenaBytes: plan.arenaBytes };
}

export interface NullBackend extends Backend {
  /** Runs of plans so far, and the steps they stand for. */
  readonly ran: { readonly plans: number; readonly steps: number };
}

/** A null device; `caps` say what to plan for. Reads give zeros. */
export function nullBackend(caps: Partial<Capabilities> = {}): NullBackend {
  return new CountingBackend({ composites: new Set(), maxBuffersPerKernel: 64, segments: true, ...caps });
}

class CountingBackend implements NullBackend {
  readonly name = "null";
  readonly caps: Capabilities;
  readonly #sizes = new Map<BufferId, number>();
  #next: BufferId = 1;
  #live = 0;
  #peak = 0;
  #arenas = 0;
  #plans = 0;
  #steps = 0;

  constructor(caps: Capabilities) {
    this.caps = caps;
  }

  get ran(): { readonly plans: number; readonly steps: number } {
    return { plans: this.#plans, steps: this.#steps };
  }

  alloc(bytes: number): BufferId {
    const id = this.#next++;
    this.#sizes.set(id, bytes);
    this.#live += bytes;
    this.#peak = Math.max(this.#peak, this.#live);
    return id;
  }

  free(id: BufferId): void {
    this.#live -= this.#sizeOf(id);
    this.#sizes.delete(id);
  }

  write(id: BufferId, bytes: Uint8Array, offset = 0): void {
    this.#check(id, offset, bytes.length);
  }

  async read(id: BufferId, offset: number, bytes: number, into = new Uint8Array(bytes)): Promise<Uint8Array> {
    this.#check(id, offset, bytes);
    return into.fill(0);
  }

  compile(plan: Plan): Executable {
    verifyPlan(plan);
    this.#arenas += plan.arenaBytes;
    let loaded = true;
    const release = () => {
      if (loaded) this.#arenas -= plan.arenaBytes;
      loaded = false;
    };
    return { plan, release };
  }

  run(exe: Executable, inputs: readonly BufferId[]): void {
    for (const id of inputs) this.#sizeOf(id);
    this.#plans++;
    this.#steps += planCounts(exe.plan).steps;
  }

  async runMany(
    exe: Executable,
    inputs: readonly BufferId[],
    _outputs: readonly BufferId[],
    _scalars: readonly number[],
    count: number,
  ): Promise<void> {
    for (let i = 0; i < count; i++) this.run(exe, inputs);
  }

  stats(): BackendStats {
    return { live: this.#live, peak: this.#peak, arenas: this.#arenas };
  }

  describe(): string {
    return "null (plans are counted, nothing runs)";
  }

  #sizeOf(id: BufferId): number {
    const bytes = this.#sizes.get(id);
    if (bytes === undefined)
      throw new ConfigError(`null: there is no buffer ${id}; it was freed or never allocated.`);
    return bytes;
  }

  #check(id: BufferId, offset: number, bytes: number): void {
    if (offset + bytes <= this.#sizeOf(id)) return;
    throw new ConfigError(`null: buffer ${id} has ${this.#sizeOf(id)} bytes; got ${bytes} from ${offset}.`);
  }
}
