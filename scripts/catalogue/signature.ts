/**
 * What a tile program computes, apart from where: registers, uniform work, sizes and literals' values are left out. native/catalogue.cpp
 * derives the same words from a decoded program, so that equal words mean that a printed kernel does the program's work.
 */
import type { EncodedProgram } from "../../src/engine/backend/cpu/encode-fused.ts";
import { opcodeNumber, opcodes } from "../../src/engine/backend/cpu/opcodes.ts";
import { modes } from "../../src/engine/backend/cpu/schedule.ts";
import { INNER, isReduce, UNIFORM } from "../../src/engine/backend/cpu/select.ts";
import { type DType, dtypes } from "../../src/engine/ir/index.ts";

/** As CALL_OPERANDS, CALL_UNIFORMS and CALL_PLACES of native/fused.h. */
export const MOST_OPERANDS = 16;
export const MOST_UNIFORMS = 24;
export const MOST_PLACES = 4;
/** As in native/catalogue.cpp. */
const MOST_INSTRUCTIONS = 256;

/** `args` are values by number; `operand` is the load, store, index or place by number, in order of first appearance. */
export interface Operation {
  readonly op: string;
  readonly level: number;
  readonly args: readonly number[];
  readonly operand: number;
  readonly dtype: DType | null;
  /** The number of the value it makes, or -1. */
  readonly value: number;
}

export interface Signature {
  readonly mode: "map" | "rows" | "long";
  /** The list of a map or of rows; else outer, inner and reducing operations of each stage, and those after the last. */
  readonly sections: readonly (readonly Operation[])[];
  readonly words: readonly number[];
}

const END = -1;
const arity = new Map(opcodes.map(({ name, arity }) => [name, arity]));

type Held =
  | { readonly is: "uniform"; readonly register: number }
  | { readonly is: "value"; readonly value: number }
  | { readonly is: "place"; readonly place: number };

class Unsuited extends Error {}

/** A list of what appears, numbered in order. */
class Numbering {
  readonly seen: number[] = [];
  of(item: number, most: number): number {
    const known = this.seen.indexOf(item);
    if (known >= 0) return known;
    if (this.seen.length === most) throw new Unsuited();
    return this.seen.push(item) - 1;
  }
}

/** Reads a program's lists; operands are still the program's own numbers, uniform values the numbers of their registers. */
class Reader {
  readonly sections: Operation[][] = [];
  readonly #held = new Map<number, Held>();
  readonly #uniformValue = new Map<number, number>();
  #values = 0;
  #section: Operation[] = [];

  constructor(readonly program: EncodedProgram) {}

  uniform(instr: readonly number[]): void {
    const [op, , d, a] = instr as [number, number, number, number];
    const from = nameOf(op) === "splat" ? this.#held.get(a) : undefined;
    this.#held.set(d, from ?? { is: "uniform", register: d });
  }

  section(instrs: readonly (readonly number[])[]): void {
    this.#section = [];
    this.sections.push(this.#section);
    const stores: Operation[] = [];
    for (const instr of instrs) this.#one(instr, stores);
    // In the order of their values: that of the results must not matter.
    const stored = ({ args }: Operation) => args[0] as number;
    this.#section.push(...stores.sort((a, b) => stored(a) - stored(b) || a.operand - b.operand));
  }

  #add(
    op: string,
    level: number,
    operand: number,
    dtype: DType | null,
    args: readonly number[],
    makes = true,
  ): number {
    const value = makes ? this.#values++ : -1;
    this.#section.push({ op, level, args, operand, dtype, value });
    return value;
  }

  /** The number of the value in a register. */
  #value(register: number): number {
    const held = this.#held.get(register);
    if (held === undefined) throw new Unsuited();
    if (held.is === "value") return held.value;
    if (held.is === "place") {
      const value = this.#add("row", INNER, held.place, null, []);
      this.#held.set(register, { is: "value", value });
      return value;
    }
    const known = this.#uniformValue.get(held.register);
    if (known !== undefined) return known;
    const value = this.#add("splat", UNIFORM, held.register, null, []);
    this.#uniformValue.set(held.register, value);
    return value;
  }

  #one(instr: readonly number[], stores: Operation[]): void {
    const [number, level, d, a0, a1] = instr as [number, number, number, number, number];
    const op = nameOf(number);
    const { body } = this.program;
    switch (op) {
      case "target":
        return;
      case "literal":
        throw new Unsuited();
      case "load":
      case "index_i":
      case "index_f": {
        const value = this.#add(op, level, a0, op === "load" ? (body.loads[a0] as DType) : null, []);
        this.#held.set(d, { is: "value", value });
        return;
      }
      case "store": {
        const args = [this.#value(a0)];
        stores.push({ op, level, args, operand: a1, dtype: body.stores[a1]?.dtype as DType, value: -1 });
        return;
      }
      case "row":
        if (a0 >= MOST_PLACES) throw new Unsuited();
        this.#held.set(d, { is: "place", place: a0 });
        return;
      case "splat":
      case "expand":
      case "copy": {
        const value = this.#value(a0);
        this.#held.set(d, { is: "value", value });
        return;
      }
      default: {
        if (op.startsWith("arg")) throw new Unsuited();
        const args = instr.slice(3, 3 + (arity.get(op) as number)).map((register) => this.#value(register));
        const held = this.#held.get(d);
        const value = this.#add(op, level, -1, null, args);
        if (held?.is === "place" && !isReduce(op))
          this.#add("target", INNER, held.place, null, [value], false);
        this.#held.set(d, { is: "value", value });
      }
    }
  }
}

const mix = (hash: number, word: number): number => Math.imul(hash ^ word, 16777619) >>> 0;

/**
 * A map's operations as its stores need them, those by the form of their values: the order in which a program computes what is
 * independent says nothing.
 */
function inOrderOfNeed(operations: readonly Operation[]): Operation[] {
  const hashes: number[] = [];
  const makers: Operation[] = [];
  for (const operation of operations) {
    if (operation.value < 0) continue;
    const { op, dtype, args, value } = operation;
    const start = mix(mix(2166136261, opcodeNumber(op)), dtype === null ? 255 : dtypes.indexOf(dtype));
    hashes[value] = args.reduce((hash, arg) => mix(hash, hashes[arg] as number), start);
    makers[value] = operation;
  }
  const out: Operation[] = [];
  const done = new Set<number>();
  const need = (value: number): void => {
    if (done.has(value)) return;
    done.add(value);
    const maker = makers[value] as Operation;
    for (const arg of maker.args) need(arg);
    out.push(maker);
  };
  const hashOf = ({ args }: Operation) => hashes[args[0] as number] as number;
  for (const store of operations.filter(({ op }) => op === "store").sort((a, b) => hashOf(a) - hashOf(b))) {
    need(store.args[0] as number);
    out.push(store);
  }
  return out;
}

/** Numbers values and operands as they appear and writes the words. */
class Writer {
  readonly words: number[];
  readonly #uniforms = new Numbering();
  readonly #loads = new Numbering();
  readonly #stores = new Numbering();
  readonly #indices = new Numbering();
  readonly #values = new Map<number, number>();

  constructor(mode: keyof typeof modes) {
    this.words = [modes[mode]];
  }

  section(operations: readonly Operation[]): Operation[] {
    const written = operations.map((operation) => this.#one(operation));
    this.words.push(END);
    return written;
  }

  #operand({ op, operand }: Operation): number {
    switch (op) {
      case "splat":
        return this.#uniforms.of(operand, MOST_UNIFORMS);
      case "load":
        return this.#loads.of(operand, MOST_OPERANDS);
      case "store":
        return this.#stores.of(operand, MOST_OPERANDS);
      case "index_i":
      case "index_f":
        return this.#indices.of(operand, MOST_OPERANDS);
      default:
        return operand;
    }
  }

  #one(operation: Operation): Operation {
    const { op, level, dtype } = operation;
    const operand = this.#operand(operation);
    const args = operation.args.map((arg) => this.#values.get(arg) as number);
    const value = operation.value < 0 ? -1 : this.#values.size;
    if (value >= 0) this.#values.set(operation.value, value);
    this.words.push(opcodeNumber(op), level);
    if (operand >= 0) this.words.push(operand);
    if (dtype !== null) this.words.push(dtypes.indexOf(dtype));
    this.words.push(...args);
    return { op, level, args, operand, dtype, value };
  }
}

const nameOf = (op: number): string => opcodes[op]?.name as string;

/** The signature of a program that a kernel can be printed for; null for others. */
export function signatureOf(program: EncodedProgram): Signature | null {
  const { mode, code } = program;
  if (mode === "columns" || mode === "stacked") return null;
  const { instrs, uniformEnd, stages } = code;
  if (instrs.length > MOST_INSTRUCTIONS) return null;
  const reader = new Reader(program);
  const writer = new Writer(mode);
  try {
    for (const instr of instrs.slice(0, uniformEnd)) reader.uniform(instr);
    let at = uniformEnd;
    for (const end of [...stages.flat(), instrs.length]) {
      reader.section(instrs.slice(at, end));
      at = end;
    }
    const sections = reader.sections.map((section) =>
      writer.section(mode === "map" ? inOrderOfNeed(section) : section),
    );
    return { mode, sections, words: writer.words };
  } catch (error) {
    if (error instanceof Unsuited) return null;
    throw error;
  }
}
