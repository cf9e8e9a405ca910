/** Writes a selection as a tile program: what runs when, at which level, in which registers. See native/fused.h and rows.h. */
import { opcodeNumber, opcodes } from "./opcodes.ts";
import type { Mode } from "./schedule.ts";
import {
  INNER,
  isReduce,
  keepsOperands,
  type Level,
  OUTER,
  type Selection,
  UNIFORM,
  type Value,
} from "./select.ts";

export interface StoreSpec {
  readonly level: Level;
  /** Takes four bytes an element, so that it can be written in place. */
  readonly wide: boolean;
  /** Loads that may read the memory it writes. */
  readonly aliases: readonly number[];
}

/** One instruction; `d` and args name virtual registers until they are allocated. */
interface Line {
  readonly op: string;
  readonly level: Level;
  d: number;
  args: number[];
  readonly immediates: readonly number[];
}

export interface TileCode {
  readonly registers: number;
  /** [op, level, d, a0 .. a6] each. */
  readonly instrs: readonly (readonly number[])[];
  readonly uniformEnd: number;
  /** But for maps and rows: where each stage's outer, inner and reduce lists end. */
  readonly stages: readonly (readonly [outerEnd: number, innerEnd: number, reduceEnd: number])[];
}

const ARGS = 7;
const arity = new Map(opcodes.map((opcode) => [opcode.name, opcode.arity]));
const uniformLeaves = new Map(
  opcodes.map((opcode) => [opcode.name, opcode.pattern?.leaves.map((leaf) => leaf.startsWith("s"))]),
);

/** Registers of short-lived values are handed out again; a fresh one never is. */
class Registers {
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

export class TileWriter {
  readonly #values: readonly Value[];
  readonly #live: boolean[];
  readonly #stage: number[];
  readonly #registers = new Registers();
  readonly #uniform: Line[] = [];
  /** The register of a value at its own level, where one is fixed. */
  readonly #at = new Map<number, number>();
  /** Whole registers filled from uniform or outer values. */
  readonly #wide = new Map<number, number>();
  readonly #loadRegisters = new Map<number, number>();

  constructor(
    readonly mode: Mode,
    readonly selection: Selection,
    readonly stores: readonly StoreSpec[],
  ) {
    this.#values = selection.values;
    this.#live = this.#reachable();
    this.#stage = this.#stages();
  }

  write(): TileCode {
    this.#values.forEach((value, id) => {
      if (this.#live[id] && value.level === UNIFORM)
        this.#uniform.push(this.#line(value, this.#keep(id, value), UNIFORM, this.#uniform));
    });
    return this.mode === "map" || this.mode === "rows" ? this.#writeList() : this.#writeStages();
  }

  #reachable(): boolean[] {
    const live = this.#values.map(() => false);
    for (const store of this.selection.stores) live[store] = true;
    for (let id = this.#values.length - 1; id >= 0; id--) {
      if (live[id]) for (const arg of (this.#values[id] as Value).args) live[arg] = true;
    }
    return live;
  }

  /** The pass over the row a value first exists in; a reduction's result exists from the next one on. */
  #stages(): number[] {
    const stage: number[] = [];
    for (const { op, args } of this.#values) {
      const ready = args.reduce((most, arg) => Math.max(most, stage[arg] as number), 0);
      stage.push(isReduce(op) ? ready + 1 : ready);
    }
    return stage;
  }

  /** A register this value keeps for good. */
  #keep(id: number, value: Value): number {
    let register = this.#at.get(id);
    if (register === undefined) {
      register = value.op === "load" ? this.#loadRegister(value.immediate) : this.#registers.fresh();
      this.#at.set(id, register);
    }
    return register;
  }

  #loadRegister(load: number): number {
    let register = this.#loadRegisters.get(load);
    if (register === undefined) {
      register = this.#registers.fresh();
      this.#loadRegisters.set(load, register);
    }
    return register;
  }

  /** A uniform value in a whole register, filled at the start. */
  #splat(id: number): number {
    let register = this.#wide.get(id);
    if (register === undefined) {
      register = this.#registers.fresh();
      this.#wide.set(id, register);
      this.#uniform.push({
        op: "splat",
        level: UNIFORM,
        d: register,
        args: [this.#at.get(id) as number],
        immediates: [],
      });
    }
    return register;
  }

  /** Where an instruction of `level` reads a value that a list does not compute itself. */
  #operand(id: number, level: Level, outer: Line[]): number {
    const value = this.#values[id] as Value;
    if (value.level === level) return this.#at.get(id) as number;
    if (value.level === UNIFORM) {
      return this.mode === "long" && level === OUTER ? (this.#at.get(id) as number) : this.#splat(id);
    }
    if (this.mode === "columns") return this.#at.get(id) as number;
    // An outer value along the row.
    let register = this.#wide.get(id);
    if (register === undefined) {
      register = this.#registers.fresh();
      this.#wide.set(id, register);
      outer.push({
        op: "expand",
        level: OUTER,
        d: register,
        args: [this.#at.get(id) as number],
        immediates: [],
      });
    }
    return register;
  }

  #line(value: Value, d: number, level: Level, outer: Line[]): Line {
    const uniform = uniformLeaves.get(value.op);
    const args = value.args.map((arg, i) =>
      uniform?.[i]
        ? (this.#at.get(arg) as number)
        : this.#operand(arg, isReduce(value.op) ? INNER : level, outer),
    );
    return { op: value.op, level, d, args, immediates: hasImmediate(value.op) ? [value.immediate] : [] };
  }

  #writeList(): TileCode {
    const list = new ListWriter(this.mode, this.#values, this.selection.stores, this.stores, {
      load: (load) => this.#loadRegister(load),
      uniform: (id) => this.#at.get(id) as number,
      splat: (id) => this.#splat(id),
      fixed: () => undefined,
      registers: this.#registers,
    });
    const stores = this.stores.map((_, store) => store);
    const lines = list.write(
      this.#values.map((value, id) => this.#live[id] === true && value.level !== UNIFORM),
      stores,
    );
    return this.#finish([this.#uniform, lines], []);
  }

  #writeStages(): TileCode {
    const passes = this.#passes();
    const innerStores = this.stores.map((spec, store) => this.#storeStage(store, spec, passes));
    const lists: Line[][] = [];
    const isOuter = (id: number, stage: number) =>
      this.#live[id] === true &&
      (this.#values[id] as Value).level === OUTER &&
      !isReduce((this.#values[id] as Value).op) &&
      this.#stage[id] === stage;
    const outerOf = (stage: number): Line[] => {
      const outer: Line[] = [];
      this.#values.forEach((value, id) => {
        if (isOuter(id, stage)) outer.push(this.#line(value, this.#keep(id, value), OUTER, outer));
      });
      return outer;
    };
    for (let k = 0; k < passes; k++) {
      const outer = outerOf(k);
      const reduces = this.#values.flatMap((value, id) =>
        this.#live[id] && isReduce(value.op) && this.#stage[id] === k + 1 ? [id] : [],
      );
      const stores = this.stores.flatMap((_, store) => (innerStores[store] === k ? [store] : []));
      const roots = [
        ...reduces.map((id) => (this.#values[id] as Value).args[0] as number),
        ...stores.map((store) => this.selection.stores[store] as number),
      ];
      const list = new ListWriter(this.mode, this.#values, this.selection.stores, this.stores, {
        load: (load) => this.#loadRegister(load),
        uniform: (id) => this.#at.get(id) as number,
        splat: (id) => this.#splat(id),
        fixed: (id) => this.#operand(id, INNER, outer),
        registers: this.#registers,
      });
      const inner = list.write(this.#closure(roots), stores, roots.slice(0, reduces.length));
      const folds = reduces.map((id, i): Line => {
        const value = this.#values[id] as Value;
        const from = list.registerOf(roots[i] as number);
        return { op: value.op, level: OUTER, d: this.#keep(id, value), args: [from], immediates: [] };
      });
      lists.push(outer, inner, folds);
    }
    const last: Line[] = [];
    for (let k = passes; k <= Math.max(passes, ...this.#stage); k++) last.push(...outerOf(k));
    this.stores.forEach((spec, store) => {
      if (spec.level !== OUTER) return;
      const from = this.#operand(this.selection.stores[store] as number, OUTER, last);
      last.push({ op: "store", level: OUTER, d: 0, args: [from], immediates: [store, 0] });
    });
    return this.#finish([this.#uniform, ...lists, last], lists);
  }

  /** Passes over the row: up to the last that feeds a reduction or an inner store. */
  #passes(): number {
    let passes = 1;
    this.#values.forEach(({ op }, id) => {
      if (this.#live[id] && isReduce(op)) passes = Math.max(passes, this.#stage[id] as number);
    });
    this.stores.forEach(({ level }, store) => {
      if (level === INNER)
        passes = Math.max(passes, 1 + (this.#stage[this.selection.stores[store] as number] as number));
    });
    return passes;
  }

  /** A store over memory that is read waits for the last pass, which reads it for the last time. */
  #storeStage(store: number, { level, aliases }: StoreSpec, passes: number): number {
    if (level !== INNER) return -1;
    return aliases.length > 0 ? passes - 1 : (this.#stage[this.selection.stores[store] as number] as number);
  }

  /** Inner values that `roots` need. */
  #closure(roots: readonly number[]): boolean[] {
    const needed = this.#values.map(() => false);
    for (const root of roots) needed[root] = true;
    for (let id = this.#values.length - 1; id >= 0; id--) {
      const value = this.#values[id] as Value;
      if (value.level !== INNER) needed[id] = false;
      else if (needed[id]) for (const arg of value.args) needed[arg] = true;
    }
    return needed;
  }

  #finish(lists: readonly Line[][], stageLists: readonly Line[][]): TileCode {
    const instrs = lists.flat().map(({ op, level, d, args, immediates }) => {
      const operands = [...args, ...immediates];
      while (operands.length < ARGS) operands.push(0);
      return [opcodeNumber(op), level, d, ...operands];
    });
    const stages: [number, number, number][] = [];
    let at = this.#uniform.length;
    for (let i = 0; i < stageLists.length; i += 3) {
      const ends = [0, 1, 2].map((part) => {
        at += (stageLists[i + part] as Line[]).length;
        return at;
      });
      stages.push(ends as [number, number, number]);
    }
    return {
      registers: Math.max(1, this.#registers.count),
      instrs,
      uniformEnd: this.#uniform.length,
      stages,
    };
  }
}

const hasImmediate = (op: string): boolean => arity.get(op) === 0;

interface Surroundings {
  load(load: number): number;
  /** The register of a uniform value, good for its first element. */
  uniform(id: number): number;
  splat(id: number): number;
  /** Where a value of a lower level that this list does not compute is; undefined when lists compute all levels. */
  fixed(id: number): number | undefined;
  readonly registers: Registers;
}

/** One list that runs once a tile: loads before their first use, stores last, registers reused. */
class ListWriter {
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
    const targets = this.#store(stores);
    this.#allocate(targets, outs);
    return this.#lines;
  }

  /** After `write`: the machine register an inner value is in. */
  registerOf(id: number): number {
    const virtual = this.#read(id, INNER);
    return this.#final.get(virtual) ?? virtual;
  }

  #emit(id: number): number {
    const known = this.#virtual.get(id);
    if (known !== undefined) return known;
    const value = this.values[id] as Value;
    const uniform = uniformLeaves.get(value.op);
    const args = value.args.map((arg, i) =>
      uniform?.[i] ? this.around.uniform(arg) : this.#read(arg, isReduce(value.op) ? INNER : value.level),
    );
    const d = value.op === "load" ? this.around.load(value.immediate) : this.#next++;
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
    for (const out of outs) lastUse.set(this.#read(out, INNER), this.#lines.length);
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
    for (const virtual of new Set(outs.map((out) => this.#read(out, INNER)))) {
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
