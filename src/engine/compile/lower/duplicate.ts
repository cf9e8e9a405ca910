/**
 * Cheap units whose operand is in memory anyway are computed again by each reader: a mask costs less to find anew from an
 * activation that is kept for the backward pass than to be kept beside it.
 */
import { computes, type MapFn, resultOf, type Unit, type Value } from "./units.ts";

const cheap: ReadonlySet<MapFn> = new Set<MapFn>(["lt", "le", "eq", "ne", "cast"]);

const isInMemory = ({ unit, kept, users }: Value): boolean =>
  unit.kind === "leaf" || kept || users.some((user) => user.kind === "heavy");

function isRepeatable(unit: Unit): boolean {
  if (unit.kind !== "map" || unit.into !== null || !cheap.has(unit.fn as MapFn)) return false;
  const { kept, users } = resultOf(unit);
  if (kept || users.length === 0 || !users.every(computes)) return false;
  const read = unit.operands.flatMap((operand) => (operand.kind === "value" ? [operand.value] : []));
  return read.length <= 1 && read.every(isInMemory);
}

function copyFor(unit: Unit, reader: Unit): Unit {
  const clone: Unit = { ...unit, operands: [...unit.operands], results: [], after: [...unit.after] };
  const value: Value = { unit: clone, aval: resultOf(unit).aval, users: [], kept: false };
  clone.results.push(value);
  for (const operand of clone.operands) if (operand.kind === "value") operand.value.users.push(clone);
  const old = resultOf(unit);
  reader.operands.forEach((operand, index) => {
    if (operand.kind !== "value" || operand.value !== old) return;
    reader.operands[index] = { ...operand, value };
    value.users.push(reader);
    old.users.splice(old.users.indexOf(reader), 1);
  });
  return clone;
}

/** The units with one copy of each cheap one per reader, numbered anew; and which those are. */
export function duplicateCheap(units: readonly Unit[]): { units: Unit[]; repeated: ReadonlySet<Unit> } {
  const repeated = new Set<Unit>();
  const list = units.flatMap((unit) => {
    if (!isRepeatable(unit)) return [unit];
    const [, ...others] = new Set(resultOf(unit).users);
    const all = [unit, ...others.map((reader) => copyFor(unit, reader))];
    for (const each of all) repeated.add(each);
    return all;
  });
  list.forEach((unit, id) => {
    unit.id = id;
  });
  return { units: list, repeated };
}
