/** One list of a tile program, run once a tile: loads before their first use, stores last, registers handed out again. */
import { opcodes } from "./opcodes.ts";
import type { Mode } from "./schedule.ts";
import { INNER, isReduce, keepsOperands, type Level, UNIFORM, type Value } from "./select.ts";

export interface StoreSpec {
  readonly level: Level;
  /** Takes four bytes an element, so that it can be written in place. */
  readonly wide: boolean;
  /** Loads that may read the memory it writes. */
  readonly aliases: readonly number[];
}

/** One instruction; `d` and args name virtual registers until they are allocated. */
export interface Line {
  readonly op: string;
  readonly level: Level;
  d: number;
  args: number[];
  readonly immediates: readonly number[];
}

const arity = new Map(opcodes.map((opcode) => [opcode.name, opcode.arity]));
export const uniformLeaves = new Map(
  opcodes.map((opcode) => [opcode.name, opcode.pattern?.leaves.map((leaf) => leaf.startsWith("s"))]),
);

/** Registers of short-lived values are handed out again; a fresh one never is. */
export class Registers {
  count = 0;
  readonly #idle: number[] = [];
  fresh(): number {
    return this.count++;
  }
  take(): number {
    return this.#idle.pop() ?? this.fresh();
  }
  give(register: number): void {
    this.#idle.push(register);
  }
}

export const hasImmediate = (op: string): boolean => arity.get(op) === 0;

export interface Surroundings {
  load(load: number): number;
  /** The register of a uniform value, good for its first element. */
  uniform(id: number): number;
  splat(id: number): number;
  /** Where a value of a lower level that this list does not compute is; undefined when lists compute all levels. */
  fixed(id: number): number | undefined;
  /** Set where a value is kept for the whole row: in which place and register, and whether this list is the one to compute it. */
  kept?(
    id: number,
  ): { readonly place: number; readonly register: number; readonly computed: boolean } | undefined;
  readonly registers: Registers;
}

/** One list that runs once a tile: loads before their first use, stores last, registers reused. */
export class ListWriter {
  readonly #lines: Line[] = [];
  /** The virtual register of a value, and of an outer value along its row. */
  readonly #virtual = new Map<number, number>();
  readonly #expanded = new Map<number, number>();
  /** Virtual registers below this are fixed machine registers. */
  static readonly #VIRTUAL = 1 << 20;
  #next = ListWriter.#VIRTUAL;
  readonly #final = new Map<number, number>();

  constructor(
    readonly mode: Mode,
    readonly values: readonly Value[],
    readonly storeValues: readonly number[],
    readonly specs: readonly StoreSpec[],
    readonly around: Surroundings,
  ) {}

  /** `outs`: values whose registers are read right after the list. */
  write(needed: readonly boolean[], stores: readonly number[], outs: readonly number[] = []): Line[] {
    this.values.forEach((value, id) => {
      if (needed[id] && !isLazy(value.op)) this.#emit(id);
    });
    for (const store of stores)
      this.#read(this.storeValues[store] as number, (this.specs[store] as StoreSpec).level);
    for (const out of outs) this.#read(out, INNER);
    this.#copySwapped(stores);
    this.#copyOverwritten(stores, outs);
    const targets = this.#store(stores);
    this.#allocate(targets, outs);
    return this.#lines;
  }

  /** After `write`: the machine register an inner value of `outs` is in. */
  registerOf(id: number): number {
    const virtual = this.#out(id);
    return this.#final.get(virtual) ?? virtual;
  }

  #emit(id: number): number {
    const known = this.#virtual.get(id);
    if (known !== undefined) return known;
    const value = this.values[id] as Value;
    const kept = this.around.kept?.(id);
    if (kept !== undefined && !kept.computed) return this.#pointAtRow(id, kept);
    const uniform = uniformLeaves.get(value.op);
    const args = value.args.map((arg, i) =>
      uniform?.[i] ? this.around.uniform(arg) : this.#read(arg, isReduce(value.op) ? INNER : value.level),
    );
    const d = kept !== undefined ? this.#pointAtRow(id, kept) : this.#newRegister(value);
    this.#virtual.set(id, d);
    this.#lines.push({
      op: value.op,
      level: value.level,
      d,
      args,
      immediates: hasImmediate(value.op) ? [value.immediate] : [],
    });
    return d;
  }

  #newRegister(value: Value): number {
    return value.op === "load" ? this.around.load(value.immediate) : this.#next++;
  }

  #pointAtRow(
    id: number,
    { place, register }: { readonly place: number; readonly register: number },
  ): number {
    this.#virtual.set(id, register);
    this.#lines.push({ op: "row", level: INNER, d: register, args: [], immediates: [place] });
    return register;
  }

  /** The register in which an instruction of `level` reads a value. */
  #read(id: number, level: Level): number {
    const value = this.values[id] as Value;
    if (value.level === level) return this.#emit(id);
    const fixed = this.around.fixed(id);
    if (fixed !== undefined) return fixed;
    if (value.level === UNIFORM) return this.around.splat(id);
    let expanded = this.#expanded.get(id);
    if (expanded === undefined) {
      expanded = this.#next++;
      this.#expanded.set(id, expanded);
      this.#lines.push({ op: "expand", level: INNER, d: expanded, args: [this.#emit(id)], immediates: [] });
    }
    return expanded;
  }

  /** A stored operand whose memory another store overwrites is copied first. */
  #copySwapped(stores: readonly number[]): void {
    for (const store of stores) {
      const id = this.storeValues[store] as number;
      const value = this.values[id] as Value;
      if (value.op !== "load") continue;
      const overwritten = stores.some(
        (other) => other !== store && (this.specs[other] as StoreSpec).aliases.includes(value.immediate),
      );
      const { level } = this.specs[store] as StoreSpec;
      if (!overwritten || value.level !== level) continue;
      const d = this.#next++;
      this.#lines.push({ op: "copy", level, d, args: [this.#read(id, level)], immediates: [] });
      this.#copies.set(store, d);
    }
  }
  readonly #copies = new Map<number, number>();

  /** So is an operand read after the list, in place in memory that a store overwrites. */
  #copyOverwritten(stores: readonly number[], outs: readonly number[]): void {
    for (const id of new Set(outs)) {
      const value = this.values[id] as Value;
      const overwritten = stores.some((store) =>
        (this.specs[store] as StoreSpec).aliases.includes(value.immediate),
      );
      if (value.op !== "load" || value.level !== INNER || !overwritten) continue;
      const d = this.#next++;
      this.#lines.push({ op: "copy", level: INNER, d, args: [this.#read(id, INNER)], immediates: [] });
      this.#outCopies.set(id, d);
    }
  }
  readonly #outCopies = new Map<number, number>();

  /** The virtual register of a value read after the list. */
  #out(id: number): number {
    return this.#outCopies.get(id) ?? this.#read(id, INNER);
  }

  /** Appends the stores; returns those whose value is computed where it is to be, by its virtual register. */
  #store(stores: readonly number[]): Map<number, number> {
    const targets = new Map<number, number>();
    for (const store of stores) {
      const { level } = this.specs[store] as StoreSpec;
      const from = this.#copies.get(store) ?? this.#read(this.storeValues[store] as number, level);
      this.#lines.push({ op: "store", level, d: 0, args: [from], immediates: [store, 0] });
    }
    for (const store of stores) {
      const from = this.#virtual.get(this.storeValues[store] as number);
      if (from === undefined || this.#copies.has(store) || targets.has(from) || !this.#canTarget(store, from))
        continue;
      targets.set(from, store);
    }
    return targets;
  }

  /** Nothing that reads the store's memory through a load may come after the value is there. */
  #canTarget(store: number, virtual: number): boolean {
    const spec = this.specs[store] as StoreSpec;
    if (virtual < ListWriter.#VIRTUAL) return false;
    const definition = this.#lines.findIndex(({ d, op }) => d === virtual && op !== "store");
    const line = this.#lines[definition];
    if (line === undefined || !spec.wide || line.level !== spec.level || spec.level !== INNER) return false;
    if (line.op === "load" || line.op === "expand" || isReduce(line.op)) return false;
    const aliases = new Set(spec.aliases.map((load) => this.around.load(load)));
    return this.#lines.every(({ args }, i) => i <= definition || !args.some((arg) => aliases.has(arg)));
  }

  /** Machine registers for virtual ones, and the instructions that point those of targets at memory. */
  #allocate(targets: ReadonlyMap<number, number>, outs: readonly number[]): void {
    const lastUse = new Map<number, number>();
    this.#lines.forEach(({ args }, i) => {
      for (const arg of args) lastUse.set(arg, i);
    });
    for (const out of outs) lastUse.set(this.#out(out), this.#lines.length);
    const { registers } = this.around;
    const lines: Line[] = [];
    const isVirtual = (register: number) => register >= ListWriter.#VIRTUAL;
    this.#lines.forEach((line, i) => {
      const dying = [...new Set(line.args)].filter(
        (arg) => isVirtual(arg) && lastUse.get(arg) === i && !targets.has(arg),
      );
      const free = () => {
        for (const arg of dying) registers.give(this.#final.get(arg) as number);
      };
      const { d } = line;
      line.args = line.args.map((arg) => this.#final.get(arg) ?? arg);
      if (!keepsOperands.has(line.op)) free();
      const target = targets.get(d);
      if (isVirtual(d) && line.op !== "store") {
        const register = target === undefined ? registers.take() : registers.fresh();
        this.#final.set(d, register);
        line.d = register;
        if (target !== undefined) {
          lines.push({ op: "target", level: line.level, d: register, args: [], immediates: [target] });
        } else if (!lastUse.has(d)) {
          registers.give(register);
        }
      }
      if (keepsOperands.has(line.op)) free();
      lines.push(line);
    });
    this.#lines.splice(0, this.#lines.length, ...lines.map((line) => this.#markTarget(line, targets)));
    // Later lists may use them again; a target's stays its store's.
    for (const virtual of new Set(outs.map((out) => this.#out(out)))) {
      const register = this.#final.get(virtual);
      if (register !== undefined && !targets.has(virtual)) registers.give(register);
    }
  }

  #markTarget(line: Line, targets: ReadonlyMap<number, number>): Line {
    if (line.op !== "store") return line;
    const store = line.immediates[0] as number;
    const direct = [...targets].some(
      ([virtual, target]) => target === store && this.#final.get(virtual) === line.args[0],
    );
    return direct ? { ...line, immediates: [store, 1] } : line;
  }
}

/** Emitted where first read, not in order. */
const isLazy = (op: string): boolean => op === "load" || op.startsWith("index_");
