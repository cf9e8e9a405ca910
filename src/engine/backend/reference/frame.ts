/** Where a plan's buffers are during one run. */
import { InternalError, sizeOf } from "../../../util/index.ts";
import { bytesPerElement, type Plan, type PlanBuffer } from "../../ir/index.ts";
import { decodeElements } from "../../ops/index.ts";
import type { ReferenceBuffer } from "./memory.ts";

/** What a plan keeps between runs. */
export class PlanMemory {
  readonly plan: Plan;
  /** Decoded constants, by buffer. */
  readonly constants: ReadonlyMap<number, Float64Array>;
  /** Bytes per slot of the arena: the smallest element in it. */
  readonly #granule: number;
  readonly #arena: Float64Array;

  constructor(plan: Plan) {
    this.plan = plan;
    const constants = new Map<number, Float64Array>();
    const sizes = [4];
    plan.buffers.forEach(({ place, aval }, index) => {
      if (place.in === "const") constants.set(index, decodeElements(place.data, aval.dtype));
      if (place.in === "arena") sizes.push(bytesPerElement[aval.dtype]);
    });
    this.constants = constants;
    this.#granule = Math.min(...sizes);
    this.#arena = new Float64Array(Math.ceil(plan.arenaBytes / this.#granule));
  }

  get bytes(): number {
    return this.#arena.byteLength;
  }

  /** The arena is undefined between runs; NaN shows who relies on it. */
  poison(): void {
    this.#arena.fill(Number.NaN);
  }

  /** Buffers that share bytes share slots, so that a plan whose lifetimes overlap goes wrong here as it would elsewhere. */
  arena(offset: number, count: number): Float64Array {
    const start = offset / this.#granule;
    return this.#arena.subarray(start, start + count);
  }
}

/** One run: binds buffers of the caller, and knows where in its loops it is. */
export class Frame {
  readonly plan: Plan;
  /** The index of each enclosing loop, outermost first. */
  readonly loops: number[] = [];
  readonly #memory: PlanMemory;
  readonly #inputs: readonly Float64Array[];
  readonly #outputs: readonly Float64Array[];
  readonly #scalars: readonly Float64Array[];
  /** Outputs in the memory of a donated input of another dtype, whose values are still read: kept apart until the end. */
  readonly #recast = new Map<number, Float64Array>();
  readonly #after: (() => void)[] = [];

  constructor(
    memory: PlanMemory,
    inputs: readonly ReferenceBuffer[],
    outputs: readonly (ReferenceBuffer | null)[],
    scalars: readonly number[],
  ) {
    const { plan } = memory;
    this.plan = plan;
    this.#memory = memory;
    this.#inputs = plan.inputs.map((aval, index) => {
      const buffer = inputs[index];
      if (buffer === undefined) throw new InternalError(`run: input ${index} is missing`);
      if (plan.donated[index]) this.#after.push(() => buffer.touch());
      return buffer.values(aval.dtype);
    });
    this.#outputs = plan.outputs.map((output, index) => {
      const donor = output.donor;
      const buffer = (donor === null ? outputs[index] : inputs[donor]) ?? null;
      if (buffer === null) throw new InternalError(`run: output ${index} is missing`);
      const { dtype, shape } = output.aval;
      // A donor of another dtype cannot hold the values while they are still read.
      if (donor !== null && plan.inputs[donor]?.dtype !== dtype) {
        const data = new Float64Array(sizeOf(shape));
        this.#after.push(() => buffer.replace(dtype, data));
        return data;
      }
      this.#after.push(() => buffer.touch());
      return buffer.values(dtype);
    });
    this.#scalars = plan.scalars.map((_, index) => {
      const value = scalars[index];
      if (value === undefined) throw new InternalError(`run: scalar ${index} is missing`);
      return Float64Array.of(value);
    });
    plan.buffers.forEach(({ place, aval: { dtype, shape }, alias }, index) => {
      const buffer = place.in === "input" ? inputs[place.index] : undefined;
      if (place.in !== "input" || buffer === undefined || alias !== undefined) return;
      if (plan.inputs[place.index]?.dtype === dtype) return;
      const data = new Float64Array(sizeOf(shape));
      this.#recast.set(index, data);
      this.#after.push(() => buffer.replace(dtype, data));
    });
    memory.poison();
  }

  buffer(index: number): PlanBuffer {
    const buffer = this.plan.buffers[index];
    if (buffer === undefined) throw new InternalError(`run: there is no buffer ${index}`);
    return buffer;
  }

  /** The elements of a buffer, right now. */
  data(index: number): Float64Array {
    const { place, aval } = this.buffer(index);
    const found = this.#find(index);
    if (found === undefined) throw new InternalError(`run: buffer ${index} (${place.in}) is not bound`);
    const count = sizeOf(aval.shape);
    return found.length === count ? found : found.subarray(0, count);
  }

  #find(index: number): Float64Array | undefined {
    const { place, aval, alias } = this.buffer(index);
    if (alias !== undefined) return this.#find(alias);
    switch (place.in) {
      case "input":
        return this.#recast.get(index) ?? this.#inputs[place.index];
      case "output":
        return this.#outputs[place.index];
      case "scalar":
        return this.#scalars[place.index];
      case "const":
        return this.#memory.constants.get(index);
      case "arena":
        return this.#memory.arena(place.offset, sizeOf(aval.shape));
      case "slice": {
        const step = this.loops[place.depth];
        if (step === undefined) throw new InternalError(`run: buffer ${index} is a slice outside its loop`);
        const start = (step * place.stride) / bytesPerElement[aval.dtype];
        return this.data(place.parent).subarray(start, start + sizeOf(aval.shape));
      }
      default:
        return place satisfies never;
    }
  }

  /** Tells the caller's buffers that their values changed. */
  finish(): void {
    for (const settle of this.#after) settle();
  }
}
