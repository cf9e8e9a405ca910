/** Interprets fused bodies over segments: row by row, one instruction over a whole row at a time. */
import { type Shape, sizeOf, stridesOf } from "../../../util/index.ts";
import {
  ACCUMULATOR,
  type Access,
  type Affine,
  type FusedBody,
  type FusedInstr,
  type Segment,
} from "../../ir/index.ts";
import {
  beats,
  combiner,
  converter,
  forEachIndex,
  identity,
  positions,
  randomWord,
  scalarFunction,
} from "../../ops/index.ts";
import type { Frame } from "./frame.ts";

/** Rows of a body without reductions may be any; this many elements are enough to make instructions cheap. */
const LONG_ROW = 1 << 16;

/** A register along one row: one value per element, or one for all (stride 0). */
interface Register {
  readonly data: Float64Array;
  readonly stride: 0 | 1;
}

/** An affine map split at the row. */
interface Rows {
  readonly outer: readonly number[];
  readonly inner: Float64Array;
  readonly offset: number;
}

/** A load's guard split at the row: bounds of the outer axes, and whether each place of the row is inside. */
interface Guard {
  readonly lo: readonly number[];
  readonly hi: readonly number[];
  readonly inside: Uint8Array;
  readonly fill: number;
}

const rowBase = (rows: Rows, outer: readonly number[]): number =>
  outer.reduce((sum, index, axis) => sum + index * (rows.outer[axis] as number), rows.offset);

/** How far element `i` of the row is from its start; a value per row has one even where the row is empty. */
const inRow = (rows: Rows, i: number): number => rows.inner[i] ?? 0;

function splitGuard(guard: NonNullable<Access["guard"]>, axes: number, row: Shape): Guard {
  const inside = new Uint8Array(sizeOf(row));
  forEachIndex(row, (index, flat) => {
    const within = index.every((i, axis) => {
      const low = guard.lo[axes + axis] as number;
      return i >= low && i < (guard.hi[axes + axis] as number);
    });
    inside[flat] = Number(within);
  });
  return { lo: guard.lo.slice(0, axes), hi: guard.hi.slice(0, axes), inside, fill: guard.fill };
}

/** How many leading axes are not part of the row. */
function outerAxes({ shape, inner }: Segment): number {
  if (inner > 0) return shape.length - inner;
  let axes = shape.length;
  for (let size = 1; axes > 0; axes--) {
    size *= shape[axes - 1] as number;
    if (size > LONG_ROW && axes < shape.length) break;
  }
  return axes;
}

/** Runs `body` on one segment. `accumulated` holds a contraction's result, for an epilogue. */
export function runSegment(
  body: FusedBody,
  segment: Segment,
  frame: Frame,
  accumulated?: Float64Array,
): void {
  const axes = outerAxes(segment);
  const row = segment.shape.slice(axes);
  const length = sizeOf(row);
  const split = ({ offset, strides }: Affine): Rows => ({
    offset,
    outer: strides.slice(0, axes),
    inner: positions(row, strides.slice(axes)),
  });
  // A body without a row has no values of its own per row: all vary.
  const isInner = (instr: FusedInstr) => segment.inner === 0 || instr.level === "inner";
  const registers = body.instrs.map(
    (instr): Register => ({
      data: new Float64Array(isInner(instr) ? length : 1),
      stride: isInner(instr) ? 1 : 0,
    }),
  );
  const loads = segment.loads.map((access) => {
    const isResult = access.buffer === ACCUMULATOR && accumulated !== undefined;
    const affine = isResult ? { offset: 0, strides: stridesOf(segment.shape) } : access;
    return {
      rows: split(affine),
      data: isResult ? accumulated : frame.data(access.buffer),
      guard: access.guard === undefined ? null : splitGuard(access.guard, axes, row),
    };
  });
  const indices = segment.indices.map(split);
  const stores = segment.stores.map((access, index) => {
    const { value, dtype } = body.stores[index] as FusedBody["stores"][number];
    const from = (body.instrs[value] as FusedInstr).dtype;
    return {
      rows: split(access),
      data: frame.data(access.buffer),
      register: registers[value] as Register,
      convert: from === dtype ? null : converter(from, dtype),
    };
  });
  const steps = body.instrs.map((instr, index) => {
    const to = registers[index] as Register;
    return compileInstr(instr, to, registers, body, length, (outer) => {
      if (instr.op === "load") return loadRow(loads[instr.load] as (typeof loads)[number], outer, to);
      if (instr.op === "index")
        return indexRow(indices[instr.index] as Rows, outer, to, instr.dtype === "u32");
    });
  });

  forEachIndex(segment.shape.slice(0, axes), (outer) => {
    for (const step of steps) step(outer);
    for (const { rows, data, register, convert } of stores) {
      const base = rowBase(rows, outer);
      const count = register.stride === 0 ? 1 : length;
      for (let i = 0; i < count; i++) {
        const value = register.data[i] as number;
        data[base + inRow(rows, i)] = convert === null ? value : convert(value);
      }
    }
  });
}

function loadRow(
  { rows, data, guard }: { rows: Rows; data: Float64Array; guard: Guard | null },
  outer: readonly number[],
  to: Register,
): void {
  const base = rowBase(rows, outer);
  const open =
    guard?.lo.every((low, axis) => {
      const index = outer[axis] as number;
      return index >= low && index < (guard.hi[axis] as number);
    }) ?? true;
  for (let i = 0; i < to.data.length; i++) {
    const inside = open && (guard === null || guard.inside[i] !== 0);
    to.data[i] = inside ? (data[base + inRow(rows, i)] as number) : (guard as Guard).fill;
  }
}

function indexRow(rows: Rows, outer: readonly number[], to: Register, unsigned: boolean): void {
  const base = rowBase(rows, outer);
  for (let i = 0; i < to.data.length; i++) {
    const value = base + inRow(rows, i);
    to.data[i] = unsigned ? value >>> 0 : value;
  }
}

/** One instruction as a function of where the row is. Loads and indices depend on the segment: `addressed` does them. */
function compileInstr(
  instr: FusedInstr,
  to: Register,
  registers: readonly Register[],
  body: FusedBody,
  length: number,
  addressed: (outer: readonly number[]) => void,
): (outer: readonly number[]) => void {
  const arg = (args: readonly number[], n: number) => registers[args[n] as number] as Register;
  const out = to.data;
  switch (instr.op) {
    case "load":
    case "index":
      return addressed;
    case "literal":
      out.fill(instr.value);
      return () => {};
    case "random": {
      const [k0, k1, counter] = [arg(instr.args, 0), arg(instr.args, 1), arg(instr.args, 2)];
      return () => {
        for (let i = 0; i < out.length; i++) {
          out[i] = randomWord(
            k0.data[i * k0.stride] as number,
            k1.data[i * k1.stride] as number,
            counter.data[i * counter.stride] as number,
          );
        }
      };
    }
    case "cast": {
      const x = arg(instr.args, 0);
      const convert = converter((body.instrs[instr.args[0] as number] as FusedInstr).dtype, instr.to);
      return () => {
        for (let i = 0; i < out.length; i++) out[i] = convert(x.data[i * x.stride] as number);
      };
    }
    case "scalar": {
      const a = arg(instr.args, 0);
      const b = registers[instr.args[1] ?? (instr.args[0] as number)] as Register;
      const c = registers[instr.args[2] ?? (instr.args[0] as number)] as Register;
      const f = scalarFunction(instr.fn, (body.instrs[instr.args.at(-1) as number] as FusedInstr).dtype);
      return () => {
        for (let i = 0; i < out.length; i++) {
          out[i] = f(
            a.data[i * a.stride] as number,
            b.data[i * b.stride] as number,
            c.data[i * c.stride] as number,
          );
        }
      };
    }
    case "reduce": {
      const x = arg(instr.args, 0);
      const reduce = reducer(instr, length);
      return () => {
        out[0] = reduce(x);
      };
    }
    default:
      return instr satisfies never;
  }
}

function reducer(
  { kind, dtype }: Extract<FusedInstr, { op: "reduce" }>,
  length: number,
): (x: Register) => number {
  if (kind === "argMax" || kind === "argMin") {
    const which = kind === "argMax" ? "max" : "min";
    return ({ data, stride }) => {
      let best = 0;
      for (let i = 1; i < length; i++) {
        if (beats(which, data[i * stride] as number, data[best * stride] as number)) best = i;
      }
      return best;
    };
  }
  const combine = combiner(kind, dtype);
  const start = identity(kind, dtype);
  return ({ data, stride }) => {
    let sum = start;
    for (let i = 0; i < length; i++) sum = combine(sum, data[i * stride] as number);
    return sum;
  };
}
