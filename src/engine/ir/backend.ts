/** What a device must offer. A backend takes whole plans. Types only, so that `runtime` and each backend agree. */
import type { Plan } from "./plan.ts";

export type BufferId = number;

export interface Capabilities {
  /** Names of composites with `params` that it runs as one kernel; all others are inlined by the compiler. */
  readonly composites: ReadonlySet<string>;
  /** Most loads + stores of one fused kernel. */
  readonly maxBuffersPerKernel: number;
  /** Whether fused steps may hold several segments (horizontal fusion). */
  readonly segments: boolean;
}

/** A loaded plan. `release` frees what the backend keeps for it. */
export interface Executable {
  readonly plan: Plan;
  release(): void;
}

export interface BackendStats {
  /** Bytes of buffers allocated and not freed, the most there ever were, and bytes of plan arenas. */
  readonly live: number;
  readonly peak: number;
  readonly arenas: number;
}

/** `from` and `to` are exactly as long as the first input and the first output, which are f32. */
export type BoundRun = (from: Float32Array, to: Float32Array) => void;

export interface Backend {
  readonly name: string;
  readonly caps: Capabilities;
  /** Zeroed memory. Throws OutOfMemoryError. */
  alloc(bytes: number): BufferId;
  /**
   * The host's own bytes as a buffer that is only read, without a copy; they must neither change nor be detached until it is freed.
   * Null for bytes that do not lie well; absent where the device cannot read the host's memory.
   */
  lend?(bytes: Uint8Array): BufferId | null;
  free(id: BufferId): void;
  write(id: BufferId, bytes: Uint8Array, offset?: number): void;
  /** `into`, of so many bytes, is filled where it is given. */
  read(id: BufferId, offset: number, bytes: number, into?: Uint8Array): Promise<Uint8Array>;
  compile(plan: Plan): Executable;
  /** Runs the whole plan in order with every other run, read and write. outputs[i] is ignored where the output has a donor. */
  run(
    exe: Executable,
    inputs: readonly BufferId[],
    outputs: readonly BufferId[],
    scalars: readonly number[],
  ): void;
  /** The same `count` times over the same memory (donated state is updated in place each time), off the event loop. */
  runMany(
    exe: Executable,
    inputs: readonly BufferId[],
    outputs: readonly BufferId[],
    scalars: readonly number[],
    count: number,
  ): Promise<void>;
  /**
   * Runs from and to arrays of the host, over the same memory each time: writes the first input, runs, reads the first output, all
   * before it returns. Absent where reading takes a promise.
   */
  bind?(exe: Executable, inputs: readonly BufferId[], outputs: readonly BufferId[]): BoundRun;
  stats(): BackendStats;
  /** How each step of a loaded plan will run, in words; those inside a loop right after it. */
  explain?(exe: Executable): readonly string[];
  /** Begins to time the steps of a loaded plan, from 0, or ends it. Runs cost some 50 ns a step more meanwhile. */
  time?(exe: Executable, on: boolean): void;
  /** Nanoseconds of each step since then, of all threads together, in the order of `explain`; a loop's are those of its steps. */
  times?(exe: Executable): readonly number[];
  /** How many threads run a plan. Absent: one. */
  threads?(): number;
  /** One line on what this device is, as in "cpu (avx512, 2 threads)". */
  describe(): string;
}
