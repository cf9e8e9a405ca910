/** From a fused body to the tile interpreter's operations: casts and scalar ops by lane, then superinstructions over them. */
import { InternalError } from "../../../util/index.ts";
import {
  type ComputeDType,
  computeDType,
  type DType,
  type FusedBody,
  type FusedInstr,
} from "../../ir/index.ts";
import { opcodes, scalarOpcode } from "./opcodes.ts";
import { type Expression, isCommutative, opcodeInPattern, type Pattern, patterns } from "./patterns.ts";
import { floatBits } from "./words.ts";

/** How often a value changes, as in native/fused.h: once a run, a row, an element. */
export const UNIFORM = 0;
export const OUTER = 1;
export const INNER = 2;
export type Level = typeof UNIFORM | typeof OUTER | typeof INNER;

/** An operation on values, in the order they are computed. */
export interface Value {
  op: string;
  args: readonly number[];
  /** Of load and index: which; of literal: its bits. */
  readonly immediate: number;
  level: Level;
}

export interface Selection {
  readonly values: readonly Value[];
  /** The value of each store. */
  readonly stores: readonly number[];
}

/** What a segment adds to a body: operands that never move need reading only once. */
export interface Uniformity {
  readonly asMap: boolean;
  readonly loads: readonly boolean[];
  readonly indices: readonly boolean[];
}

type CastKey = `${ComputeDType}>${DType}`;

/** The conversions of a cast, by register type and target; those left out change nothing. */
const casts: Partial<Record<CastKey, readonly string[]>> = {
  "f32>f16": ["roundF16"],
  "f32>bf16": ["roundBF16"],
  "f32>i32": ["f32ToI32"],
  "f32>u32": ["f32ToU32"],
  "f32>bool": ["f32ToBool"],
  "f32>i8": ["f32ToI32", "wrapI8"],
  "f32>u8": ["f32ToI32", "wrapU8"],
  "i32>f32": ["i32ToF32"],
  "i32>f16": ["i32ToF32", "roundF16"],
  "i32>bf16": ["i32ToF32", "roundBF16"],
  "i32>bool": ["i32ToBool"],
  "i32>i8": ["wrapI8"],
  "i32>u8": ["wrapU8"],
  "u32>f32": ["u32ToF32"],
  "u32>f16": ["u32ToF32", "roundF16"],
  "u32>bf16": ["u32ToF32", "roundBF16"],
  "u32>bool": ["i32ToBool"],
  "u32>i8": ["wrapI8"],
  "u32>u8": ["wrapU8"],
  "bool>f32": ["boolToF32"],
  "bool>f16": ["boolToF32"],
  "bool>bf16": ["boolToF32"],
  "bool>i32": ["boolToI32"],
  "bool>u32": ["boolToI32"],
  "bool>i8": ["boolToI32"],
  "bool>u8": ["boolToI32"],
};

function literalBits(value: number, dtype: ComputeDType): number {
  switch (dtype) {
    case "f32":
      return floatBits(value);
    case "bool":
      return value === 0 ? 0 : -1;
    case "i32":
    case "u32":
      return value | 0;
    default:
      return dtype satisfies never;
  }
}

const reduceNames = {
  sum: "reduceSum",
  prod: "reduceProd",
  max: "reduceMax",
  min: "reduceMin",
  argMax: "argMax",
  argMin: "argMin",
};

/** Sums and products of integers are the same for both signs. */
function reduceOpcode(kind: keyof typeof reduceNames, operand: ComputeDType): string {
  const lane = operand === "f32" ? "f" : operand === "i32" || kind === "sum" || kind === "prod" ? "i" : "u";
  return `${reduceNames[kind]}_${lane}`;
}

class Selector {
  readonly values: Value[] = [];
  /** The value each instruction's result is in. */
  readonly #of: number[] = [];
  readonly #literals = new Map<number, number>();

  constructor(
    readonly body: FusedBody,
    readonly uniform: Uniformity,
  ) {}

  run(): Selection {
    for (const instr of this.body.instrs) this.#of.push(this.#translate(instr));
    const stores = this.body.stores.map(({ value, dtype }) => {
      const held = this.body.instrs[value]?.dtype as ComputeDType;
      const at = this.#of[value] as number;
      // Storing narrows by itself; only another kind of register needs a cast.
      return computeDType[dtype] === held ? at : this.#cast(at, held, computeDType[dtype]);
    });
    return { values: this.values, stores };
  }

  #add(op: string, args: readonly number[], immediate = 0, level?: Level): number {
    const least = args.reduce<Level>(
      (most, arg) => Math.max(most, (this.values[arg] as Value).level) as Level,
      UNIFORM,
    );
    this.values.push({ op, args, immediate, level: level ?? least });
    return this.values.length - 1;
  }

  #levelOf(instr: FusedInstr): Level {
    return this.uniform.asMap || instr.level === "inner" ? INNER : OUTER;
  }

  #arg(args: readonly number[], which: number): number {
    const value = this.#of[args[which] as number];
    if (value === undefined) throw new InternalError("fused: an instruction uses a later one");
    return value;
  }

  #dtypeOf(args: readonly number[], which: number): ComputeDType {
    return this.body.instrs[args.at(which) as number]?.dtype as ComputeDType;
  }

  #cast(at: number, from: ComputeDType, to: DType): number {
    return (casts[`${from}>${to}`] ?? []).reduce((value, op) => this.#add(op, [value]), at);
  }

  #literal(bits: number): number {
    const known = this.#literals.get(bits);
    if (known !== undefined) return known;
    const value = this.#add("literal", [], bits, UNIFORM);
    this.#literals.set(bits, value);
    return value;
  }

  #translate(instr: FusedInstr): number {
    switch (instr.op) {
      case "load":
        return this.#add(
          "load",
          [],
          instr.load,
          this.uniform.loads[instr.load] ? UNIFORM : this.#levelOf(instr),
        );
      case "index": {
        const level = this.uniform.indices[instr.index] ? UNIFORM : this.#levelOf(instr);
        return this.#add(instr.dtype === "f32" ? "index_f" : "index_i", [], instr.index, level);
      }
      case "literal":
        return this.#literal(literalBits(instr.value, instr.dtype));
      case "random":
        return this.#add(
          "random",
          [0, 1, 2].map((which) => this.#arg(instr.args, which)),
        );
      case "cast":
        return this.#cast(this.#arg(instr.args, 0), this.#dtypeOf(instr.args, 0), instr.to);
      case "scalar": {
        const args = instr.args.map((_, which) => this.#arg(instr.args, which));
        return this.#add(scalarOpcode(instr.fn, this.#dtypeOf(instr.args, -1)), args);
      }
      case "reduce":
        return this.#add(
          reduceOpcode(instr.kind, this.#dtypeOf(instr.args, 0)),
          [this.#arg(instr.args, 0)],
          0,
          OUTER,
        );
      default:
        return instr satisfies never;
    }
  }
}

type Bindings = Map<string, number>;

/** Replaces expressions by superinstructions, from the last value back, largest pattern first. */
class Matcher {
  readonly #uses: number[];

  constructor(
    readonly values: Value[],
    stores: readonly number[],
  ) {
    this.#uses = new Array<number>(values.length).fill(0);
    for (const { args } of values) for (const arg of args) this.#count(arg);
    for (const store of stores) this.#count(store);
  }

  run(): void {
    for (let root = this.values.length - 1; root >= 0; root--) {
      if (this.#uses[root] === 0) {
        // Absorbed, or never used: what it alone uses is not needed either.
        for (const arg of (this.values[root] as Value).args) this.#count(arg, -1);
        continue;
      }
      for (const pattern of candidates.get((this.values[root] as Value).op) ?? []) {
        const bound = this.#match(pattern.expression, root, root, new Map());
        if (bound === null) continue;
        this.#replace(root, pattern, bound);
        break;
      }
    }
  }

  #count(value: number, by = 1): void {
    this.#uses[value] = (this.#uses[value] as number) + by;
  }

  #replace(root: number, pattern: Pattern, bound: Bindings): void {
    const value = this.values[root] as Value;
    for (const arg of value.args) this.#count(arg, -1);
    value.op = pattern.name;
    value.args = pattern.leaves.map((leaf) => bound.get(leaf) as number);
    for (const arg of value.args) this.#count(arg);
  }

  #match(expression: Expression, at: number, root: number, bound: Bindings): Bindings | null {
    const value = this.values[at] as Value;
    if (typeof expression === "number") {
      return value.op === "literal" && value.immediate === floatBits(expression) ? bound : null;
    }
    if (typeof expression === "string") {
      if (expression.startsWith("s") && value.level !== UNIFORM) return null;
      const known = bound.get(expression);
      if (known !== undefined) return known === at ? bound : null;
      return new Map(bound).set(expression, at);
    }
    const [op, ...parts] = expression;
    if (value.op !== opcodeInPattern(op)) return null;
    if (at !== root && (this.#uses[at] !== 1 || value.level !== (this.values[root] as Value).level))
      return null;
    const straight = this.#matchAll(parts as Expression[], value.args, root, bound);
    if (straight !== null || !isCommutative(op)) return straight;
    return this.#matchAll(parts as Expression[], [...value.args].reverse(), root, bound);
  }

  #matchAll(
    parts: readonly Expression[],
    args: readonly number[],
    root: number,
    bound: Bindings,
  ): Bindings | null {
    let result: Bindings | null = bound;
    parts.forEach((part, i) => {
      if (result !== null) result = this.#match(part, args[i] as number, root, result);
    });
    return result;
  }
}

/** Patterns by the opcode of their outermost operation, in their order. */
const candidates = new Map<string, Pattern[]>();
for (const pattern of patterns) {
  const root = pattern.expression;
  if (typeof root === "string" || typeof root === "number") continue;
  const key = opcodeInPattern(root[0]);
  const list = candidates.get(key);
  if (list === undefined) candidates.set(key, [pattern]);
  else list.push(pattern);
}

/** Opcodes whose result must not share a register with an operand: they read after they write. */
export const keepsOperands: ReadonlySet<string> = new Set([
  "random",
  "expand",
  "splat",
  ...opcodes.map(({ name }) => name).filter((name) => /^(reduce|arg)(Sum|Prod|Max|Min)_/.test(name)),
]);

export const isReduce = (op: string): boolean => /^(reduce|arg)(Sum|Prod|Max|Min)_/.test(op);

export function select(body: FusedBody, uniform: Uniformity): Selection {
  const selection = new Selector(body, uniform).run();
  new Matcher(selection.values as Value[], selection.stores).run();
  return selection;
}
