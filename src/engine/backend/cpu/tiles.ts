/** Writes a selection as a tile program: what runs when, at which level, in which registers. See native/fused.h and rows.h. */
import { isSlow, opcodeNumber, opcodes } from "./opcodes.ts";
import type { Mode } from "./schedule.ts";
import { INNER, isReduce, type Level, OUTER, type Selection, UNIFORM, type Value } from "./select.ts";
import {
  hasImmediate,
  type Line,
  ListWriter,
  Registers,
  type StoreSpec,
  uniformLeaves,
} from "./tile-list.ts";

export interface TileCode {
  readonly registers: number;
  /** [op, level, d, a0 .. a6] each. */
  readonly instrs: readonly (readonly number[])[];
  readonly uniformEnd: number;
  /** But for maps and rows: where each stage's outer, inner and reduce lists end. */
  readonly stages: readonly (readonly [outerEnd: number, innerEnd: number, reduceEnd: number])[];
}

/** A value kept from pass to pass: the pass that computes it, its place in the row's memory and the register that points there. */
interface Kept {
  readonly stage: number;
  readonly place: number;
  readonly register: number;
}

const ARGS = 7;
const MOST_KEPT = 4;
const slow: ReadonlySet<string> = new Set(opcodes.filter(isSlow).map(({ name }) => name));

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
    /** Whether slow values that several passes need are kept for the length of a row. */
    readonly keepsRows = false,
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
    const parts = Array.from({ length: passes }, (_, k) => this.#passRoots(k, innerStores));
    const kept = this.keepsRows ? this.#keptRows(parts.map(({ roots }) => roots)) : new Map<number, Kept>();
    parts.forEach(({ reduces, stores, roots }, k) => {
      const outer = outerOf(k);
      const known = new Set([...kept].flatMap(([id, { stage }]) => (stage < k ? [id] : [])));
      const list = new ListWriter(this.mode, this.#values, this.selection.stores, this.stores, {
        load: (load) => this.#loadRegister(load),
        uniform: (id) => this.#at.get(id) as number,
        splat: (id) => this.#splat(id),
        fixed: (id) => this.#operand(id, INNER, outer),
        kept: (id) => {
          const row = kept.get(id);
          return row && { ...row, computed: row.stage === k };
        },
        registers: this.#registers,
      });
      const inner = list.write(this.#closure(roots, known), stores, roots.slice(0, reduces.length));
      const folds = reduces.map((id, i): Line => {
        const value = this.#values[id] as Value;
        const from = list.registerOf(roots[i] as number);
        return { op: value.op, level: OUTER, d: this.#keep(id, value), args: [from], immediates: [] };
      });
      lists.push(outer, inner, folds);
    });
    const last: Line[] = [];
    for (let k = passes; k <= Math.max(passes, ...this.#stage); k++) last.push(...outerOf(k));
    const [copies, saves]: [Line[], Line[]] = [[], []];
    this.stores.forEach((spec, store) => {
      if (spec.level !== OUTER) return;
      const id = this.selection.stores[store] as number;
      let from = this.#operand(id, OUTER, last);
      const { op, level, immediate } = this.#values[id] as Value;
      const overwritten = this.stores.some((other, i) => i !== store && other.aliases.includes(immediate));
      if (op === "load" && level === OUTER && overwritten) {
        const d = this.#registers.fresh();
        copies.push({ op: "copy", level: OUTER, d, args: [from], immediates: [] });
        from = d;
      }
      saves.push({ op: "store", level: OUTER, d: 0, args: [from], immediates: [store, 0] });
    });
    return this.#finish([this.#uniform, ...lists, last, copies, saves], lists);
  }

  /** What pass k is for: its reductions, its stores and the values both need. */
  #passRoots(
    k: number,
    innerStores: readonly number[],
  ): { reduces: number[]; stores: number[]; roots: number[] } {
    const reduces = this.#values.flatMap((value, id) =>
      this.#live[id] && isReduce(value.op) && this.#stage[id] === k + 1 ? [id] : [],
    );
    const stores = this.stores.flatMap((_, store) => (innerStores[store] === k ? [store] : []));
    const roots = [
      ...reduces.map((id) => (this.#values[id] as Value).args[0] as number),
      ...stores.map((store) => this.selection.stores[store] as number),
    ];
    return { reduces, stores, roots };
  }

  /** Slow values that more than one pass needs, and the first that does. */
  #keptRows(roots: readonly (readonly number[])[]): Map<number, Kept> {
    const kept = new Map<number, Kept>();
    const first = roots.map((of) => this.#closure(of));
    for (let id = this.#values.length - 1; id >= 0 && kept.size < MOST_KEPT; id--) {
      if (!slow.has((this.#values[id] as Value).op)) continue;
      const stage = first.findIndex((needed) => needed[id]);
      const known = new Set(kept.keys());
      const again = stage >= 0 && roots.slice(stage + 1).some((of) => this.#closure(of, known)[id]);
      if (again) kept.set(id, { stage, place: kept.size, register: this.#registers.fresh() });
    }
    return kept;
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

  /** Inner values that `roots` need; those known already need nothing more. */
  #closure(roots: readonly number[], known: ReadonlySet<number> = new Set()): boolean[] {
    const needed = this.#values.map(() => false);
    for (const root of roots) needed[root] = true;
    for (let id = this.#values.length - 1; id >= 0; id--) {
      const value = this.#values[id] as Value;
      if (value.level !== INNER) needed[id] = false;
      else if (needed[id] && !known.has(id)) for (const arg of value.args) needed[arg] = true;
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
