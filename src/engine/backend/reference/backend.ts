/** The reference device: runs plans in TypeScript with f64 arithmetic. Slow, simple, and what other devices are tested against. */
import { InternalError, OutOfMemoryError, UnsupportedError } from "../../../util/index.ts";
import {
  type Backend,
  type BackendStats,
  type BoundRun,
  type BufferId,
  type Capabilities,
  type Executable,
  type Plan,
  verifyPlan,
} from "../../ir/index.ts";
import { scalarRows } from "../../ops/index.ts";
import { Frame, PlanMemory } from "./frame.ts";
import { ReferenceBuffer } from "./memory.ts";
import { WorkOrder } from "./order.ts";
import { runSteps } from "./steps.ts";

/** A long run lets the event loop turn after this many milliseconds. */
const TURN = 10;

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class ReferenceExecutable implements Executable {
  readonly plan: Plan;
  readonly #onRelease: (bytes: number) => void;
  #memory: PlanMemory | null;

  constructor(plan: Plan, onRelease: (bytes: number) => void) {
    this.plan = plan;
    this.#memory = new PlanMemory(plan);
    this.#onRelease = onRelease;
  }

  get memory(): PlanMemory {
    if (this.#memory === null) throw new InternalError("run: the plan has been released");
    return this.#memory;
  }

  release(): void {
    if (this.#memory === null) return;
    this.#onRelease(this.#memory.bytes);
    this.#memory = null;
  }
}

class ReferenceBackend implements Backend {
  readonly name = "reference";
  readonly caps: Capabilities = { composites: new Set(), maxBuffersPerKernel: 64, segments: true };
  readonly #buffers = new Map<BufferId, ReferenceBuffer>();
  readonly #order = new WorkOrder();
  #nextId = 1;
  #live = 0;
  #peak = 0;
  #arenas = 0;

  alloc(bytes: number): BufferId {
    let buffer: ReferenceBuffer;
    try {
      buffer = new ReferenceBuffer(bytes);
    } catch {
      throw new OutOfMemoryError(`reference: there is no room for ${bytes} bytes; ${this.#live} are in use.`);
    }
    const id = this.#nextId++;
    this.#buffers.set(id, buffer);
    this.#live += bytes;
    this.#peak = Math.max(this.#peak, this.#live);
    return id;
  }

  free(id: BufferId): void {
    const { size } = this.#buffer(id);
    this.#order.now(() => this.#buffers.delete(id));
    this.#live -= size;
  }

  write(id: BufferId, bytes: Uint8Array, offset = 0): void {
    const buffer = this.#inside("write", id, offset, bytes.byteLength);
    const copy = bytes.slice();
    this.#order.now(() => buffer.write(copy, offset));
  }

  async read(id: BufferId, offset: number, bytes: number, into = new Uint8Array(bytes)): Promise<Uint8Array> {
    const buffer = this.#inside("read", id, offset, bytes);
    await this.#order.async(() => into.set(buffer.read(offset, bytes)));
    return into;
  }

  compile(plan: Plan): Executable {
    verifyPlan(plan, (fn) => scalarRows[fn].arity);
    const exe = new ReferenceExecutable(plan, (bytes) => {
      this.#arenas -= bytes;
    });
    this.#arenas += exe.memory.bytes;
    return exe;
  }

  run(
    exe: Executable,
    inputs: readonly BufferId[],
    outputs: readonly BufferId[],
    scalars: readonly number[],
  ): void {
    const frame = this.#prepare(exe, inputs, outputs, scalars);
    this.#order.now(frame);
  }

  async runMany(
    exe: Executable,
    inputs: readonly BufferId[],
    outputs: readonly BufferId[],
    scalars: readonly number[],
    count: number,
  ): Promise<void> {
    const once = this.#prepare(exe, inputs, outputs, scalars);
    return this.#order.async(async () => {
      let turned = performance.now();
      for (let n = 0; n < count; n++) {
        once();
        if (performance.now() - turned < TURN) continue;
        await nextTurn();
        turned = performance.now();
      }
    });
  }

  bind(exe: Executable, inputs: readonly BufferId[], outputs: readonly BufferId[]): BoundRun {
    const once = this.#prepare(exe, inputs, outputs, []);
    const [source, result] = [this.#buffer(inputs[0] as BufferId), this.#buffer(outputs[0] as BufferId)];
    return (from, to) => {
      if (this.#order.busy) {
        throw new UnsupportedError(
          "reference: a long run is under way, so that nothing can be computed at once. Await it first.",
        );
      }
      source.write(new Uint8Array(from.buffer, from.byteOffset, from.byteLength), 0);
      once();
      new Uint8Array(to.buffer, to.byteOffset, to.byteLength).set(result.read(0, to.byteLength));
    };
  }

  stats(): BackendStats {
    return { live: this.#live, peak: this.#peak, arenas: this.#arenas };
  }

  describe(): string {
    return "reference (TypeScript, f64 arithmetic)";
  }

  /** Resolves the buffers now, so that a later free does not pull them away; the work itself is for later. */
  #prepare(
    exe: Executable,
    inputs: readonly BufferId[],
    outputs: readonly BufferId[],
    scalars: readonly number[],
  ): () => void {
    if (!(exe instanceof ReferenceExecutable)) throw new InternalError("run: the plan is not of this device");
    const { memory } = exe;
    const from = inputs.map((id) => this.#buffer(id));
    const to = exe.plan.outputs.map(({ donor }, i) =>
      donor === null ? this.#buffer(outputs[i] as BufferId) : null,
    );
    const numbers = [...scalars];
    return () => {
      const frame = new Frame(memory, from, to, numbers);
      runSteps(exe.plan.steps, frame);
      frame.finish();
    };
  }

  #buffer(id: BufferId): ReferenceBuffer {
    const buffer = this.#buffers.get(id);
    if (buffer === undefined) throw new InternalError(`reference: there is no buffer ${id}`);
    return buffer;
  }

  #inside(op: string, id: BufferId, offset: number, bytes: number): ReferenceBuffer {
    const buffer = this.#buffer(id);
    if (offset < 0 || bytes < 0 || offset + bytes > buffer.size) {
      throw new InternalError(`${op}: ${bytes} bytes at ${offset} do not fit a buffer of ${buffer.size}`);
    }
    return buffer;
  }
}

/** A new reference device. */
export const referenceBackend = (): Backend => new ReferenceBackend();
