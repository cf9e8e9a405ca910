/**
 * The instruction set of the native tile interpreter, made from the table of scalar ops and the superinstructions.
 * scripts/generate-opcodes.ts writes the C++ side from this list; the numbering is a name's place in it.
 */
import type { ComputeDType, ScalarOp } from "../../ir/index.ts";
import { isScalarOp, type ScalarRow, scalarRows } from "../../ops/index.ts";
import { type Expression, type Pattern, patterns } from "./patterns.ts";

/** How the lanes of a register are read: f32, i32, u32, or the 0 / -1 mask of a bool (compared as u32). */
export type Lane = "f" | "i" | "u";

export const laneOf: Readonly<Record<ComputeDType, Lane>> = { f32: "f", i32: "i", u32: "u", bool: "u" };

export interface Opcode {
  readonly name: string;
  /** Registers read. */
  readonly arity: number;
  /** What the interpreter does with it by hand; undefined where `code` says it all. */
  readonly special?: true;
  /** C++ of one vector: from variables a, b, c... (declared as `operands` say) to an expression of type `result`. */
  readonly code?: { readonly operands: readonly Lane[]; readonly result: Lane; readonly text: string };
  readonly pattern?: Pattern;
}

/** Instructions that move data between memory, levels and registers, and those that need a whole tile. */
const special: readonly (readonly [name: string, arity: number])[] = [
  // d = tile of load a0
  ["load", 0],
  // d = the affine numbers of index a0, as i32 / u32, or f32
  ["index_i", 0],
  ["index_f", 0],
  // d = the bits a0 everywhere
  ["literal", 0],
  // d points at the memory of store a0 where this tile can be written in place
  ["target", 0],
  // d points at place a0 of the current row's memory, which lasts from pass to pass
  ["row", 0],
  // memory of store a1 = register a0, unless it was computed in place
  ["store", 1],
  // d = element 0 of a0 everywhere: from the uniform level to a tile
  ["splat", 1],
  // d = each row's value of a0 along that row: from the outer level to the inner
  ["expand", 1],
  // d = Philox words of counters a2 under keys a0, a1
  ["random", 3],
  ["reduceSum_f", 1],
  ["reduceSum_i", 1],
  ["reduceProd_f", 1],
  ["reduceProd_i", 1],
  ["reduceMax_f", 1],
  ["reduceMax_i", 1],
  ["reduceMax_u", 1],
  ["reduceMin_f", 1],
  ["reduceMin_i", 1],
  ["reduceMin_u", 1],
  ["argMax_f", 1],
  ["argMax_i", 1],
  ["argMax_u", 1],
  ["argMin_f", 1],
  ["argMin_i", 1],
  ["argMin_u", 1],
];

/** Conversions between register types, and rounding to a storage type within one. */
const casts: readonly (readonly [name: string, from: Lane, to: Lane, text: string])[] = [
  ["copy", "u", "u", "a"],
  ["f32ToI32", "f", "i", "vtoi(a)"],
  ["f32ToU32", "f", "u", "vtou(a)"],
  ["f32ToBool", "f", "i", "a != 0.f"],
  ["i32ToF32", "i", "f", "vtof(a)"],
  ["u32ToF32", "u", "f", "vtof(a)"],
  ["i32ToBool", "i", "i", "a != 0"],
  ["boolToI32", "i", "i", "a & 1"],
  ["boolToF32", "i", "f", "as<VF>(a & 0x3f800000)"],
  ["roundF16", "f", "f", "vfromF16(vtoF16(a))"],
  ["roundBF16", "f", "f", "vfromBF16(vtoBF16(a))"],
  ["wrapI8", "u", "i", "as<VI>(a << 24) >> 24"],
  ["wrapU8", "u", "u", "a & 255u"],
];

/** Lanes an op of this row exists for. Bitwise work is the same for all. */
function lanesOf(row: ScalarRow): readonly Lane[] {
  switch (row.signature) {
    case "float":
      return ["f"];
    case "number":
    case "compare":
      return ["f", "i", "u"];
    case "shift":
      return ["i", "u"];
    case "bits":
    case "select":
      return ["u"];
    default:
      return row.signature satisfies never;
  }
}

function scalarOpcodes(): Opcode[] {
  const list: Opcode[] = [];
  for (const [fn, row] of Object.entries(scalarRows)) {
    for (const lane of lanesOf(row)) {
      const text = lane === "f" ? row.cpp : (row.cppInt ?? row.cpp);
      const operands: Lane[] =
        row.signature === "select" ? ["i", lane, lane] : new Array<Lane>(row.arity).fill(lane);
      const result: Lane = row.signature === "compare" ? "i" : lane;
      list.push({ name: `${fn}_${lane}`, arity: row.arity, code: { operands, result, text } });
    }
  }
  return list;
}

function patternOpcodes(): Opcode[] {
  return patterns.map((pattern) => ({ name: pattern.name, arity: pattern.arity, pattern }));
}

/** Every opcode in numeric order. */
export const opcodes: readonly Opcode[] = [
  ...special.map(([name, arity]): Opcode => ({ name, arity, special: true })),
  ...casts.map(
    ([name, from, result, text]): Opcode => ({ name, arity: 1, code: { operands: [from], result, text } }),
  ),
  ...scalarOpcodes(),
  ...patternOpcodes(),
];

const numbers = new Map(opcodes.map((opcode, number) => [opcode.name, number]));

/** An opcode's number. Throws for a name there is not. */
export function opcodeNumber(name: string): number {
  const number = numbers.get(name);
  if (number === undefined) throw new RangeError(`no opcode ${name}`);
  return number;
}

/** The opcode of a scalar op on operands of that dtype (for `where`: of its second and third). */
export function scalarOpcode(fn: ScalarOp, operand: ComputeDType): string {
  const lanes = lanesOf(scalarRows[fn]);
  const lane = laneOf[operand];
  return `${fn}_${lanes.includes(lane) ? lane : lanes[0]}`;
}

const hasExpensive = (expression: Expression): boolean => {
  if (typeof expression === "string" || typeof expression === "number") return false;
  const [op, ...args] = expression;
  return scalarRows[op].expensive || (args as Expression[]).some(hasExpensive);
};

/** Costs many times what an addition does. */
export function isSlow({ name, code, pattern }: Opcode): boolean {
  if (pattern !== undefined) return hasExpensive(pattern.expression);
  const fn = name.split("_")[0] as string;
  return (
    name === "random" ||
    (isScalarOp(fn) && (scalarRows[fn].expensive || scalarRows[fn].cppInt === code?.text))
  );
}
