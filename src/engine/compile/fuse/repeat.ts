/**
 * Work done again by each reader because that is cheaper than keeping its result: one more instruction instead of a store and a
 * load. What only one kernel reads moves there, whatever it costs. Reversible, as only the groups that come of it show whether it
 * was worth it.
 */
import { sizeOf } from "../../../util/index.ts";
import { bytesOf, type ScalarOp } from "../../ir/index.ts";
import { isScalarOp, scalarRows } from "../../ops/index.ts";
import { computes, type MapFn, resultOf, type Unit, type Value } from "../lower/units.ts";
import { type Group, isEscaping } from "./group.ts";

/** Units to be computed by each of these readers for itself. */
export type Repeats = ReadonlyMap<Unit, readonly Unit[]>;

const MOST_REPEATED = 4;
/** A value this many times smaller than what it helps to avoid may be kept in its stead. */
const SMALLER = 4;

const masks: ReadonlySet<MapFn> = new Set<MapFn>(["lt", "le", "eq", "ne", "cast"]);

/** A narrow value's copy for a step that reads f32. */
const widensForHeavy = ({ fn, results }: Unit): boolean =>
  fn === "copy" &&
  results.every(({ users }) => users.length > 0 && users.every(({ kind }) => kind === "heavy"));

/**
 * Masks and casts of something that is in memory anyway, so that a backward pass finds its mask from the activation that is kept
 * for it.
 */
export function repeatedMasks(units: readonly Unit[]): Repeats {
  const isInMemory = ({ unit, kept, users }: Value): boolean =>
    unit.kind === "leaf" || kept || users.some((user) => user.kind === "heavy" || widensForHeavy(user));
  const repeats = new Map<Unit, readonly Unit[]>();
  for (const unit of units) {
    if (unit.kind !== "map" || !masks.has(unit.fn as MapFn) || unit.into !== null) continue;
    const { kept, users } = resultOf(unit);
    if (kept || users.length === 0 || !users.every(computes)) continue;
    const read = unit.operands.flatMap((operand) => (operand.kind === "value" ? [operand.value] : []));
    if (read.length <= 1 && read.every(isInMemory)) repeats.set(unit, [...new Set(users)]);
  }
  return repeats;
}

const isElementwise = ({ kind, fn, into }: Unit): boolean =>
  kind === "map" && into === null && fn !== null && (fn === "cast" || isScalarOp(fn));

const isCheap = (unit: Unit): boolean =>
  isElementwise(unit) && (!isScalarOp(unit.fn as string) || !scalarRows[unit.fn as ScalarOp].expensive);

/** What groups store although other groups could find it from at most one other thing that is in memory. */
export function repeatedStores(groups: readonly Group[]): Repeats {
  const repeats = new Map<Unit, readonly Unit[]>();
  const homes = new Map(groups.flatMap((group) => group.units.map((unit) => [unit, group] as const)));
  for (const group of groups) {
    const members = new Set(group.units);
    const inside = (unit: Unit) => members.has(unit);
    for (const unit of group.units) {
      if (!isElementwise(unit)) continue;
      const { aval, kept, users } = resultOf(unit);
      if (sizeOf(aval.shape) === 1) continue;
      const outside = users.filter((user) => !inside(user));
      if (kept || outside.length === 0 || !outside.every(computes)) continue;
      const readers = [...new Set(outside)];
      if (isCheaper(unit, readers, inside, homes, repeats)) repeats.set(unit, readers);
    }
  }
  return repeats;
}

/**
 * Whether each reader would find `unit` from values that are in memory with at most one load of full size more than it has, and
 * few more instructions: those that move to the only kernel that needs them are no more.
 */
function isCheaper(
  unit: Unit,
  readers: readonly Unit[],
  inside: (unit: Unit) => boolean,
  homes: ReadonlyMap<Unit, Group>,
  gone: Repeats,
): boolean {
  const bytes = bytesOf(resultOf(unit).aval);
  const moves = new Set<Unit>();
  const full = new Set<Value>();
  const home = homes.get(readers[0] as Unit);
  const alone = readers.every((reader) => homes.get(reader) === home);
  const waiting = new Set([unit]);
  let repeated = 0;
  while (waiting.size > 0) {
    // The last in order: everything that reads it has been looked at.
    let at = unit;
    for (const other of waiting) if (!waiting.has(at) || other.id > at.id) at = other;
    waiting.delete(at);
    const { users } = resultOf(at);
    if (alone && users.every((user) => moves.has(user) || (at === unit && readers.includes(user))))
      moves.add(at);
    else if (!isCheap(at) || ++repeated > MOST_REPEATED) return false;
    for (const operand of at.operands) {
      if (operand.kind !== "value") continue;
      const { value } = operand;
      const stored = !inside(value.unit) || (isEscaping(value, inside) && !gone.has(value.unit));
      if (!stored && isElementwise(value.unit)) {
        waiting.add(value.unit);
        continue;
      }
      if (bytesOf(value.aval) * SMALLER <= bytes) continue;
      // Kept longer for this, it must not be larger than what it replaces.
      if (!stored || (value.unit.kind !== "leaf" && bytesOf(value.aval) > bytes)) return false;
      full.add(value);
    }
  }
  const loadedBy = (reader: Unit, value: Value) => {
    const group = homes.get(reader);
    return group !== undefined && value.users.some((user) => homes.get(user) === group);
  };
  return readers.every((reader) => [...full].filter((value) => !loadedBy(reader, value)).length <= 1);
}

export interface Repeated {
  /** All units, numbered anew: copies after what they copy, without those that nobody reads any more. */
  readonly units: Unit[];
  readonly copies: ReadonlySet<Unit>;
  undo(): void;
}

/** Gives each reader its own copy of a unit, and of the cheap ones before it that are repeated too or read by it alone. */
export function repeat(units: readonly Unit[], repeats: Repeats, groups: readonly Group[]): Repeated {
  const undo: (() => void)[] = [];
  const after = new Map<Unit, Unit[]>();
  const homes = new Map<Unit, ReadonlySet<Unit>>();
  for (const group of groups) {
    const members = new Set(group.units);
    for (const unit of group.units) homes.set(unit, members);
  }

  const rewire = (reader: Unit, from: Value, to: Value) => {
    reader.operands.forEach((operand, index) => {
      if (operand.kind !== "value" || operand.value !== from) return;
      reader.operands[index] = { ...operand, value: to };
      to.users.push(reader);
      from.users.splice(from.users.indexOf(reader), 1);
      undo.push(() => {
        reader.operands[index] = operand;
        from.users.push(reader);
      });
    });
  };
  const copyFor = (unit: Unit, reader: Unit) => {
    const copy: Unit = { ...unit, operands: [...unit.operands], results: [] };
    copy.results.push({ unit: copy, aval: resultOf(unit).aval, users: [], kept: false });
    for (const { value } of copy.operands.filter((operand) => operand.kind === "value")) {
      value.users.push(copy);
      undo.push(() => value.users.splice(value.users.indexOf(copy), 1));
    }
    after.set(unit, [...(after.get(unit) ?? []), copy]);
    rewire(reader, resultOf(unit), resultOf(copy));
    const home = homes.get(unit);
    if (home === undefined) return;
    // What only lived in registers beside the original comes along.
    for (const operand of [...copy.operands]) {
      if (operand.kind !== "value") continue;
      const { value } = operand;
      const inside = (other: Unit) => home.has(other) || other === copy;
      const stays = !home.has(value.unit) || (isEscaping(value, inside) && !repeats.has(value.unit));
      if (!stays && isElementwise(value.unit)) copyFor(value.unit, copy);
    }
  };
  for (const unit of [...repeats.keys()].reverse()) {
    for (const reader of repeats.get(unit) ?? []) copyFor(unit, reader);
  }

  const copies = new Set([...after.values()].flat());
  const list = units.flatMap((unit) => [unit, ...(after.get(unit) ?? [])]);
  const dead = new Set<Unit>();
  for (const unit of [...list].reverse()) {
    if (unit.kind !== "map" || unit.into !== null) continue;
    const result = resultOf(unit);
    if (result.kept || result.users.length > 0 || !(repeats.has(unit) || copies.has(unit) || after.has(unit)))
      continue;
    dead.add(unit);
    for (const operand of unit.operands) {
      if (operand.kind !== "value") continue;
      const { users } = operand.value;
      users.splice(users.indexOf(unit), 1);
      undo.push(() => users.push(unit));
    }
  }
  return {
    units: number(list.filter((unit) => !dead.has(unit))),
    copies,
    undo: () => {
      for (const step of undo.reverse()) step();
      number(units);
    },
  };
}

function number(units: readonly Unit[]): Unit[] {
  units.forEach((unit, id) => {
    unit.id = id;
  });
  return [...units];
}

/** What kernels move between memory and registers, with a charge per kernel. */
export function costOf(groups: readonly Group[]): number {
  const perKernel = 2048;
  let cost = 0;
  for (const group of groups) {
    const members = new Set(group.units);
    const read = new Set<Value>();
    for (const unit of group.units) {
      for (const operand of unit.operands) {
        if (operand.kind === "value" && !members.has(operand.value.unit)) read.add(operand.value);
      }
      if (!computes(unit)) continue;
      const value = resultOf(unit);
      if (isEscaping(value, (other) => members.has(other))) cost += bytesOf(value.aval);
    }
    for (const { aval } of read) cost += bytesOf(aval);
    cost += perKernel;
  }
  return cost;
}
