/** Units: what a canonical graph computes, one item each, with operands as views of values. Movement ops are gone by now. */
import { type Shape, stridesOf } from "../../../util/index.ts";
import { type Aval, currentScope, type DType, type Node, type ScalarOp, type Scope } from "../../ir/index.ts";
import type { View } from "../view.ts";

/** Something that is, or may come to be, in memory: contiguous, in row-major order of its shape. */
export interface Value {
  /** Who makes it; set when that unit is added. */
  unit: Unit;
  readonly aval: Aval;
  /** Units that read it, once per operand. */
  readonly users: Unit[];
  /** An output of the graph: must be in memory whoever reads it. */
  kept: boolean;
}

export type Operand =
  | { readonly kind: "value"; readonly value: Value; readonly view: View }
  | { readonly kind: "literal"; readonly value: number; readonly dtype: DType }
  /** The number offset + sum(strides * i). */
  | { readonly kind: "iota"; readonly dtype: "f32" | "i32" | "u32"; readonly view: View };

export type MapFn = ScalarOp | "cast" | "random" | "copy";
export type ReduceFn = "sum" | "max" | "min" | "prod" | "argMax" | "argMin";

/** Part of another value's memory, which a copy writes instead of memory of its own. */
export interface Target {
  readonly value: Value;
  readonly offset: number;
  /** Per axis of the copy's domain. */
  readonly strides: readonly number[];
}

export interface Unit {
  /** Place in the topological order. */
  id: number;
  /**
   * leaf: exists before the run. map: one element per index. reduce: one element per row.
   * heavy: a step of its own (node says which). assemble: nothing but the memory its pieces are written to.
   */
  readonly kind: "leaf" | "map" | "reduce" | "heavy" | "assemble";
  readonly fn: MapFn | ReduceFn | null;
  readonly node: Node | null;
  /** The index space of the operands. */
  readonly domain: Shape;
  /** reduce: the axes of the domain that disappear. */
  readonly axes: readonly number[];
  readonly operands: Operand[];
  readonly results: Value[];
  readonly into: Target | null;
  /** leaf: bytes known at compile time. */
  readonly data: Uint8Array | null;
  /** Units that must have run before, though nothing of theirs is read as an operand. */
  readonly after: Unit[];
  /** What it is for. */
  readonly scope: Scope;
}

export const computes = (unit: Unit): boolean => unit.kind === "map" || unit.kind === "reduce";

/** The one result of a unit that has one. */
export const resultOf = (unit: Unit): Value => unit.results[0] as Value;

export interface UnitSpec {
  readonly kind: Unit["kind"];
  readonly results: readonly Aval[] | readonly Value[];
  readonly fn?: Unit["fn"];
  readonly node?: Node;
  readonly domain?: Shape;
  readonly axes?: readonly number[];
  readonly operands?: readonly Operand[];
  readonly into?: Target;
  readonly data?: Uint8Array;
}

const pending: Unit = {
  id: -1,
  kind: "assemble",
  fn: null,
  node: null,
  domain: [],
  axes: [],
  operands: [],
  results: [],
  into: null,
  data: null,
  after: [],
  scope: null,
};

/** The units of a graph in topological order. */
export class Units {
  readonly list: Unit[] = [];

  add(spec: UnitSpec): Unit {
    const unit: Unit = {
      id: this.list.length,
      kind: spec.kind,
      fn: spec.fn ?? null,
      node: spec.node ?? null,
      domain: spec.domain ?? [],
      axes: spec.axes ?? [],
      operands: [...(spec.operands ?? [])],
      results: [],
      into: spec.into ?? null,
      data: spec.data ?? null,
      after: [],
      scope: currentScope(),
    };
    for (const result of spec.results) {
      const value = "users" in result ? result : { unit, aval: result, users: [], kept: false };
      value.unit = unit;
      unit.results.push(value);
    }
    for (const operand of unit.operands) if (operand.kind === "value") operand.value.users.push(unit);
    this.list.push(unit);
    return unit;
  }

  /** Memory without a unit yet, so that what is written into it can come before. */
  value(aval: Aval): Value {
    return { unit: pending, aval, users: [], kept: false };
  }

  /** Removes elementwise work and reductions whose result nobody reads. */
  dropUnread(): void {
    const awaited = new Set(this.list.flatMap(({ after }) => after));
    const kept: Unit[] = [];
    for (const unit of this.list.splice(0).reverse()) {
      const unread =
        computes(unit) &&
        unit.into === null &&
        !awaited.has(unit) &&
        unit.results.every((value) => !value.kept && value.users.length === 0);
      if (!unread) kept.push(unit);
      else {
        for (const operand of unit.operands) {
          if (operand.kind === "value") operand.value.users.splice(operand.value.users.indexOf(unit), 1);
        }
      }
    }
    this.list.push(...kept.reverse());
    this.list.forEach((unit, id) => {
      unit.id = id;
    });
  }

  /** A copy of an operand: in memory of its own, or into part of another value's. */
  copy(operand: Operand, aval: Aval, into?: Target): Unit {
    return this.add({
      kind: "map",
      fn: "copy",
      results: [aval],
      domain: aval.shape,
      operands: [operand],
      ...(into && { into }),
    });
  }
}

/** Where a copy writes, as a view of its target. */
export const targetView = (unit: Unit, { offset, strides }: Target): View => ({
  shape: unit.domain,
  offset,
  strides,
  guard: null,
});

/** The whole of `value`, row-major in `shape`. */
export const wholeOf = (value: Value, shape: Shape): Target => ({
  value,
  offset: 0,
  strides: stridesOf(shape),
});
