/** From a group to a fused body and its segment. Instructions follow from what is stored, so equal work gives equal bodies. */
import { InternalError, type Shape, stridesOf } from "../../../util/index.ts";
import {
  ACCUMULATOR,
  type Access,
  type Affine,
  type ComputeDType,
  computeDType,
  type DType,
  type FusedBody,
  type FusedInstr,
  type Level,
  type ScalarOp,
  type Segment,
} from "../../ir/index.ts";
import { hasRow, outerAxes } from "../fuse/axes.ts";
import { type Group, inRegister, viewIn } from "../fuse/index.ts";
import { type Operand, type ReduceFn, resultOf, targetView, type Unit, type Value } from "../lower/units.ts";
import { type View, viewKey } from "../view.ts";
import { shapeHash } from "./hash.ts";

export interface Kernel {
  readonly body: FusedBody;
  /** Over all axes of the group, rows last; buffers are numbers of storages. */
  readonly segment: Segment;
}

/** The number of the storage a value is in; null when it needs none. */
export type Locate = (value: Value) => number | null;

export function emitKernel(group: Group, locate: Locate): Kernel {
  return new Emitter(group, locate).emit();
}

class Emitter {
  readonly #group: Group;
  readonly #locate: Locate;
  readonly #inside: ReadonlySet<Unit>;
  readonly #rows: boolean;
  /** Axes of the group in the order of the segment. */
  readonly #order: readonly number[];
  readonly #outerCount: number;
  readonly #instrs: FusedInstr[] = [];
  readonly #loads: Access[] = [];
  readonly #loadTypes: DType[] = [];
  readonly #indices: Affine[] = [];
  readonly #stores: { value: number; dtype: DType }[] = [];
  readonly #storeAccesses: Access[] = [];
  readonly #units = new Map<Unit, number>();
  readonly #known = new Map<string, number>();

  constructor(group: Group, locate: Locate) {
    this.#group = group;
    this.#locate = locate;
    this.#inside = new Set(group.units);
    this.#rows = hasRow(group.space);
    const axes = group.space.axes.map((_, axis) => axis);
    const outer = axes.filter((axis) => !group.space.reduced[axis]);
    this.#outerCount = outer.length;
    this.#order = [...outer, ...axes.filter((axis) => group.space.reduced[axis])];
  }

  emit(): Kernel {
    const { space, heavy } = this.#group;
    if (heavy !== null) this.#units.set(heavy, this.#accumulator());
    const hashes = new Map<Unit, number>();
    const stored = this.#group.units
      .filter((unit) => this.#mustStore(unit))
      .map((unit) => ({ unit, hash: shapeHash(unit, this.#inside, hashes) }))
      .sort((a, b) => a.hash - b.hash || a.unit.id - b.unit.id);
    for (const { unit } of stored) this.#store(unit);
    return {
      body: {
        instrs: this.#instrs,
        loads: this.#loadTypes,
        stores: this.#stores,
        indices: this.#indices.length,
      },
      segment: {
        shape: this.#pick(space.axes),
        inner: this.#rows ? space.axes.length - this.#outerCount : 0,
        loads: this.#loads,
        indices: this.#indices,
        stores: this.#storeAccesses,
      },
    };
  }

  #pick(list: readonly number[]): number[] {
    return this.#order.map((axis) => list[axis] as number);
  }

  #push(instr: FusedInstr): number {
    this.#instrs.push(instr);
    return this.#instrs.length - 1;
  }

  #once(key: string, make: () => FusedInstr): number {
    let at = this.#known.get(key);
    if (at === undefined) {
      at = this.#push(make());
      this.#known.set(key, at);
    }
    return at;
  }

  #mustStore(unit: Unit): boolean {
    return unit.into !== null || unit.results.some((value) => this.#locate(value) !== null);
  }

  #isOuter(unit: Unit): boolean {
    return this.#group.outer.has(unit);
  }

  #level(at: number): Level {
    return (this.#instrs[at] as FusedInstr).level;
  }

  /** inner if anything varies along the row. */
  #levelOf(args: readonly number[]): Level {
    if (!this.#rows) return "inner";
    return args.some((arg) => this.#level(arg) === "inner") ? "inner" : "outer";
  }

  /** The level of what has these strides in the segment's axes. */
  #levelAlong(strides: readonly number[], guard: Access["guard"], shape: Shape): Level {
    if (!this.#rows) return "inner";
    for (let axis = this.#outerCount; axis < strides.length; axis++) {
      if (strides[axis] !== 0) return "inner";
      if (guard && ((guard.lo[axis] as number) > 0 || (guard.hi[axis] as number) < (shape[axis] as number)))
        return "inner";
    }
    return "outer";
  }

  #accumulator(): number {
    this.#loads.push({ buffer: ACCUMULATOR, offset: 0, strides: this.#group.space.axes.map(() => 0) });
    this.#loadTypes.push("f32");
    return this.#push({ op: "load", load: 0, dtype: "f32", level: "inner" });
  }

  /** The value spread along the row, where an inner one is needed. */
  #inner(at: number): number {
    const { level, dtype } = this.#instrs[at] as FusedInstr;
    if (!this.#rows || level === "inner") return at;
    return this.#once(`spread ${at}`, () => ({ op: "cast", args: [at], to: dtype, dtype, level: "inner" }));
  }

  #literal(value: number, dtype: DType): number {
    const level: Level = this.#rows ? "outer" : "inner";
    const held = computeDType[dtype];
    const text = Object.is(value, -0) ? "-0" : String(value);
    const at = this.#once(`literal ${held} ${text}`, () => ({ op: "literal", value, dtype: held, level }));
    if (dtype !== "f16" && dtype !== "bf16") return at;
    return this.#once(`round ${dtype} ${text}`, () => ({
      op: "cast",
      args: [at],
      to: dtype,
      dtype: held,
      level,
    }));
  }

  #index(view: View, dtype: "f32" | "i32" | "u32"): number {
    const strides = this.#pick(view.strides);
    return this.#once(`index ${dtype} ${view.offset}|${strides}`, () => {
      this.#indices.push({ offset: view.offset, strides });
      const level = this.#levelAlong(strides, undefined, strides);
      return { op: "index", index: this.#indices.length - 1, dtype, level };
    });
  }

  #load(value: Value, view: View): number {
    const buffer = this.#locate(value);
    if (buffer === null) throw new InternalError("compile: a value that is loaded has no storage");
    return this.#once(`load ${buffer} ${viewKey(view)}`, () => {
      const { guard } = view;
      const strides = this.#pick(view.strides);
      const access: Access = {
        buffer,
        offset: view.offset,
        strides,
        ...(guard && { guard: { lo: this.#pick(guard.lo), hi: this.#pick(guard.hi), fill: guard.fill } }),
      };
      this.#loads.push(access);
      this.#loadTypes.push(value.aval.dtype);
      const level = this.#levelAlong(strides, access.guard, this.#pick(this.#group.space.axes));
      return { op: "load", load: this.#loads.length - 1, dtype: computeDType[value.aval.dtype], level };
    });
  }

  #view(view: View, unit: Unit): View {
    const split = viewIn(this.#group.space, view, this.#isOuter(unit));
    if (split === null) throw new InternalError("compile: a view does not fit its kernel");
    return split;
  }

  #operand(operand: Operand, unit: Unit): number {
    switch (operand.kind) {
      case "literal":
        return this.#literal(operand.value, operand.dtype);
      case "iota":
        return this.#index(this.#view(operand.view, unit), operand.dtype);
      case "value": {
        const producer = operand.value.unit;
        const { space, outer } = this.#group;
        if (this.#inside.has(producer) && inRegister(space, outer, unit, producer, operand.view)) {
          return this.#unit(producer);
        }
        return this.#load(operand.value, this.#view(operand.view, unit));
      }
      default:
        return operand satisfies never;
    }
  }

  #unit(unit: Unit): number {
    let at = this.#units.get(unit);
    if (at === undefined) {
      at = this.#compute(unit);
      this.#units.set(unit, at);
    }
    return at;
  }

  #compute(unit: Unit): number {
    const { fn } = unit;
    const { dtype } = resultOf(unit).aval;
    const held: ComputeDType = computeDType[dtype];
    const args = unit.operands.map((operand) => this.#operand(operand, unit));
    const first = args[0] as number;
    if (fn === null) throw new InternalError("compile: a unit of a kernel computes nothing");
    if (fn === "copy") return first;
    const level = this.#levelOf(args);
    if (fn === "cast") {
      return this.#once(`cast ${dtype} ${args}`, () => ({ op: "cast", args, to: dtype, dtype: held, level }));
    }
    if (fn === "random") {
      return this.#once(`random ${args}`, () => ({ op: "random", args, dtype: "u32", level }));
    }
    if (unit.kind === "map") {
      const op = fn as ScalarOp;
      return this.#once(`${op} ${args}`, () => ({ op: "scalar", fn: op, args, dtype: held, level }));
    }
    const kind = fn as ReduceFn;
    const row = this.#inner(first);
    return this.#once(`<${kind}> ${row}`, () => ({
      op: "reduce",
      kind,
      args: [row],
      dtype: held,
      level: "outer",
    }));
  }

  #store(unit: Unit): void {
    const isOuter = unit.kind === "reduce" || this.#isOuter(unit);
    const at = this.#unit(unit);
    const value = isOuter ? at : this.#inner(at);
    const { space } = this.#group;
    const target = unit.into;
    const buffer = this.#locate(target === null ? resultOf(unit) : target.value);
    if (buffer === null) throw new InternalError("compile: a value that is stored has no storage");
    this.#stores.push({ value, dtype: resultOf(unit).aval.dtype });
    if (target !== null) {
      const split = this.#view(targetView(unit, target), unit);
      this.#storeAccesses.push({ buffer, offset: target.offset, strides: this.#pick(split.strides) });
      return;
    }
    let next = 0;
    const outer = stridesOf(outerAxes(space));
    const strides = isOuter
      ? space.reduced.map((reduced) => (reduced ? 0 : (outer[next++] as number)))
      : stridesOf(space.axes);
    this.#storeAccesses.push({ buffer, offset: 0, strides: this.#pick(strides) });
  }
}
