/** Plans built by hand, and running them on any backend. */

import { cpuBackend } from "../../../../src/engine/backend/cpu/index.ts";
import type {
  Access,
  Aval,
  Backend,
  ComputeDType,
  FusedBody,
  FusedInstr,
  Level,
  PlanOutput,
  ScalarOp,
  Segment,
} from "../../../../src/engine/ir/index.ts";
import {
  bytesOf,
  bytesPerElement,
  computeDType,
  type DType,
  type Plan,
  type PlanBuffer,
  type Step,
} from "../../../../src/engine/ir/index.ts";
import { decodeElements, encodeElements } from "../../../../src/engine/ops/index.ts";
import { ConfigError, sizeOf, stridesOf } from "../../../../src/util/index.ts";

export const f32 = (...shape: number[]): Aval => ({ dtype: "f32", shape });
export const aval = (dtype: DType, ...shape: number[]): Aval => ({ dtype, shape });

/** Collects buffers and steps. */
export class PlanMaker {
  readonly buffers: PlanBuffer[] = [];
  readonly steps: Step[] = [];
  readonly inputs: Aval[] = [];
  readonly donated: boolean[] = [];
  readonly scalars: Aval[] = [];
  readonly outputs: PlanOutput[] = [];
  arenaBytes = 0;

  #buffer(place: PlanBuffer["place"], of: Aval): number {
    this.buffers.push({ place, aval: of, bytes: bytesOf(of) });
    return this.buffers.length - 1;
  }
  input(of: Aval, donated = false): number {
    this.inputs.push(of);
    this.donated.push(donated);
    return this.#buffer({ in: "input", index: this.inputs.length - 1 }, of);
  }
  output(of: Aval): number {
    const buffer = this.#buffer({ in: "output", index: this.outputs.length }, of);
    this.outputs.push({ buffer, aval: of, donor: null });
    return buffer;
  }
  /** Returns a donated input as an output. */
  giveBack(buffer: number): void {
    const { place, aval: of } = this.buffers[buffer] as PlanBuffer;
    if (place.in === "input") this.outputs.push({ buffer, aval: of, donor: place.index });
  }
  arena(of: Aval): number {
    const offset = this.arenaBytes;
    this.arenaBytes += Math.ceil(bytesOf(of) / 64) * 64;
    return this.#buffer({ in: "arena", offset }, of);
  }
  scalar(dtype: DType): number {
    this.scalars.push({ dtype, shape: [] });
    return this.#buffer({ in: "scalar", index: this.scalars.length - 1 }, { dtype, shape: [] });
  }
  constant(of: Aval, values: readonly number[]): number {
    return this.#buffer({ in: "const", data: encodeElements(values, of.dtype) }, of);
  }
  slice(parent: number, of: Aval, depth: number): number {
    return this.#buffer({ in: "slice", parent, stride: bytesOf(of), depth }, of);
  }
  step(step: Step): void {
    this.steps.push(step);
  }
  plan(): Plan {
    const { buffers, steps, inputs, donated, scalars, outputs, arenaBytes } = this;
    return { buffers, steps, inputs, donated, scalars, outputs, arenaBytes };
  }
}

/** A fused body, instruction after instruction. */
export class BodyMaker {
  readonly instrs: FusedInstr[] = [];
  readonly loads: DType[] = [];
  readonly stores: { value: number; dtype: DType }[] = [];
  indices = 0;

  #add(instr: FusedInstr): number {
    this.instrs.push(instr);
    return this.instrs.length - 1;
  }
  #level(args: readonly number[]): Level {
    return args.some((arg) => this.instrs[arg]?.level === "inner") ? "inner" : "outer";
  }
  load(stored: DType = "f32", level: Level = "inner", dtype?: ComputeDType): number {
    this.loads.push(stored);
    return this.#add({
      op: "load",
      load: this.loads.length - 1,
      dtype: dtype ?? computeDType[stored],
      level,
    });
  }
  literal(value: number, dtype: ComputeDType = "f32"): number {
    return this.#add({ op: "literal", value, dtype, level: "outer" });
  }
  index(dtype: "i32" | "u32" | "f32", level: Level = "inner"): number {
    return this.#add({ op: "index", index: this.indices++, dtype, level });
  }
  random(...args: [number, number, number]): number {
    return this.#add({ op: "random", args, dtype: "u32", level: this.#level(args) });
  }
  cast(arg: number, to: DType): number {
    return this.#add({ op: "cast", args: [arg], to, dtype: computeDType[to], level: this.#level([arg]) });
  }
  scalar(fn: ScalarOp, ...args: number[]): number {
    const compare = fn === "lt" || fn === "le" || fn === "eq" || fn === "ne";
    const dtype = compare ? "bool" : (this.instrs[args.at(-1) as number] as FusedInstr).dtype;
    return this.#add({ op: "scalar", fn, args, dtype, level: this.#level(args) });
  }
  reduce(kind: "sum" | "max" | "min" | "prod" | "argMax" | "argMin", arg: number): number {
    const dtype = kind.startsWith("arg") ? "i32" : (this.instrs[arg] as FusedInstr).dtype;
    return this.#add({ op: "reduce", kind, args: [arg], dtype, level: "outer" });
  }
  store(value: number, dtype?: DType): void {
    this.stores.push({ value, dtype: dtype ?? (this.instrs[value] as FusedInstr).dtype });
  }
  body(): FusedBody {
    const { instrs, loads, stores, indices } = this;
    return { instrs, loads, stores, indices };
  }
}

/** A whole contiguous buffer seen with `shape`. */
export const whole = (buffer: number, shape: readonly number[]): Access => ({
  buffer,
  offset: 0,
  strides: stridesOf(shape),
});
/** The same element everywhere. */
export const everywhere = (buffer: number, rank: number): Access => ({
  buffer,
  offset: 0,
  strides: new Array<number>(rank).fill(0),
});

export const segment = (
  shape: readonly number[],
  inner: number,
  loads: readonly Access[],
  stores: readonly Access[],
  indices: Segment["indices"] = [],
): Segment => ({ shape, inner, loads, stores, indices });

export interface Run {
  readonly outputs: Float64Array[];
  readonly bytes: Uint8Array[];
}

/** Uploads inputs, runs the plan, downloads outputs. */
export async function runPlan(
  backend: Backend,
  plan: Plan,
  inputs: readonly (ArrayLike<number> | Uint8Array)[],
  scalars: readonly number[] = [],
  count?: number,
): Promise<Run> {
  const exe = backend.compile(plan);
  const inputIds = plan.inputs.map((of, i) => {
    const id = backend.alloc(bytesOf(of));
    const values = inputs[i] as ArrayLike<number>;
    backend.write(id, values instanceof Uint8Array ? values : encodeElements(values, of.dtype));
    return id;
  });
  const outputIds = plan.outputs.map(({ aval: of, donor }) =>
    donor === null ? backend.alloc(bytesOf(of)) : (inputIds[donor] as number),
  );
  if (count === undefined) backend.run(exe, inputIds, outputIds, scalars);
  else await backend.runMany(exe, inputIds, outputIds, scalars, count);
  const bytes: Uint8Array[] = [];
  for (const [i, { aval: of }] of plan.outputs.entries()) {
    bytes.push(await backend.read(outputIds[i] as number, 0, sizeOf(of.shape) * bytesPerElement[of.dtype]));
  }
  for (const id of new Set([...inputIds, ...outputIds])) backend.free(id);
  exe.release();
  return {
    bytes,
    outputs: bytes.map((data, i) => decodeElements(data, (plan.outputs[i] as PlanOutput).aval.dtype)),
  };
}

/** Deterministic numbers in [-1, 1) that f32 holds exactly. */
export function numbers(count: number, seed = 1): Float32Array {
  const out = new Float32Array(count);
  let state = (seed * 2654435761) >>> 0;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    out[i] = (state >>> 8) / 8388608 - 1;
  }
  return out;
}

/** A device per instruction set this machine has, by name. */
export function everyIsa(threads: number, catalogue?: boolean): [isa: string, device: Backend][] {
  return ["avx512", "avx2", "sse2", "neon"].flatMap((isa): [string, Backend][] => {
    try {
      return [[isa, cpuBackend({ isa, threads, catalogue })]];
    } catch (error) {
      if (error instanceof ConfigError) return [];
      throw error;
    }
  });
}
