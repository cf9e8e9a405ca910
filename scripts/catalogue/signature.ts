/**
 * What a tile program computes, apart from where: registers, uniform work, sizes and literals' values are left out. native/catalogue.cpp
 * derives the same words from a decoded program, so that equal words mean that a printed kernel does the program's work.
 */
import type { EncodedProgram } from "../../src/engine/backend/cpu/encode-fused.ts";
import { opcodeNumber, opcodes } from "../../src/engine/backend/cpu/opcodes.ts";
import { modes } from "../../src/engine/backend/cpu/schedule.ts";
import { isReduce } from "../../src/engine/backend/cpu/select.ts";
import { type DType, dtypes } from "../../src/engine/ir/index.ts";

/** As CALL_OPERANDS, CALL_UNIFORMS and CALL_PLACES of native/fused.h. */
export const MOST_OPERANDS = 16;
export const MOST_UNIFORMS = 24;
export const MOST_PLACES = 4;

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
  readonly uniforms: number;
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

class Reader {
  readonly words: number[] = [];
  readonly #held = new Map<number, Held>();
  readonly #uniformValue = new Map<number, number>();
  readonly #loads = new Numbering();
  readonly #stores = new Numbering();
  readonly #indices = new Numbering();
  readonly uniforms = new Numbering();
  #values = 0;
  #section: Operation[] = [];
  #pending: { store: number; level: number; value: number }[] = [];

  constructor(readonly program: EncodedProgram) {}

  uniform(instr: readonly number[]): void {
    const [op, , d, a] = instr as [number, number, number, number];
    const from = nameOf(op) === "splat" ? this.#held.get(a) : undefined;
    this.#held.set(d, from ?? { is: "uniform", register: d });
  }

  section(instrs: readonly (readonly number[])[]): Operation[] {
    this.#section = [];
    this.#pending = [];
    for (const instr of instrs) this.#one(instr);
    // In the order of their values: that of the results must not matter.
    const stores = this.#pending.sort((a, b) => a.value - b.value || a.store - b.store);
    for (const { store, level, value } of stores) {
      const operand = this.#stores.of(store, MOST_OPERANDS);
      this.#add("store", level, operand, this.program.body.stores[store]?.dtype as DType, [value], false);
    }
    this.words.push(END);
    return this.#section;
  }

  #add(op: string, level: number, operand: number, dtype: DType | null, args: readonly number[], makes = true): number {
    const value = makes ? this.#values++ : -1;
    this.#section.push({ op, level, args, operand, dtype, value });
    this.words.push(opcodeNumber(op), level);
    if (operand >= 0) this.words.push(operand);
    if (dtype !== null) this.words.push(dtypes.indexOf(dtype));
    this.words.push(...args);
    return value;
  }

  /** The number of the value in a register. */
  #value(register: number): number {
    const held = this.#held.get(register);
    if (held === undefined) throw new Unsuited();
    if (held.is === "value") return held.value;
    if (held.is === "place") {
      const value = this.#add("row", 2, held.place, null, []);
      this.#held.set(register, { is: "value", value });
      return value;
    }
    const known = this.#uniformValue.get(held.register);
    if (known !== undefined) return known;
    const value = this.#add("splat", 0, this.uniforms.of(held.register, MOST_UNIFORMS), null, []);
    this.#uniformValue.set(held.register, value);
    return value;
  }

  #one(instr: readonly number[]): void {
    const [number, level, d, a0, a1] = instr as [number, number, number, number, number];
    const op = nameOf(number);
    const { body } = this.program;
    switch (op) {
      case "target":
        return;
      case "literal":
        throw new Unsuited();
      case "load": {
        const load = this.#loads.of(a0, MOST_OPERANDS);
        const value = this.#add(op, level, load, body.loads[a0] as DType, []);
        this.#held.set(d, { is: "value", value });
        return;
      }
      case "index_i":
      case "index_f": {
        const value = this.#add(op, level, this.#indices.of(a0, MOST_OPERANDS), null, []);
        this.#held.set(d, { is: "value", value });
        return;
      }
      case "store": {
        this.#pending.push({ store: a1, level, value: this.#value(a0) });
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
        if (held?.is === "place" && !isReduce(op)) this.#add("target", 2, held.place, null, [value], false);
        this.#held.set(d, { is: "value", value });
      }
    }
  }
}

const nameOf = (op: number): string => opcodes[op]?.name as string;

/** The signature of a program that a kernel can be printed for; null for others. */
export function signatureOf(program: EncodedProgram): Signature | null {
  const { mode, code } = program;
  if (mode === "columns" || mode === "stacked") return null;
  const reader = new Reader(program);
  const { instrs, uniformEnd, stages } = code;
  try {
    for (const instr of instrs.slice(0, uniformEnd)) reader.uniform(instr);
    reader.words.push(modes[mode]);
    const sections: Operation[][] = [];
    let at = uniformEnd;
    for (const end of [...stages.flat(), instrs.length]) {
      sections.push(reader.section(instrs.slice(at, end)));
      at = end;
    }
    return { mode, sections, words: reader.words, uniforms: reader.uniforms.seen.length };
  } catch (error) {
    if (error instanceof Unsuited) return null;
    throw error;
  }
}
