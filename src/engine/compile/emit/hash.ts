/** A number for the structure of what a unit computes inside a kernel, whatever memory it reads: orders the stores of a body. */
import { resultOf, type Unit } from "../lower/units.ts";

function mix(hash: number, value: number): number {
  return Math.imul(hash ^ value, 0x01000193) >>> 0;
}

function mixText(hash: number, text: string): number {
  let result = hash;
  for (let i = 0; i < text.length; i++) result = mix(result, text.charCodeAt(i));
  return result;
}

export function shapeHash(unit: Unit, inside: ReadonlySet<Unit>, known: Map<Unit, number>): number {
  const before = known.get(unit);
  if (before !== undefined) return before;
  let hash = mixText(
    0x811c9dc5,
    `${unit.kind} ${unit.fn} ${resultOf(unit).aval.dtype} ${unit.into === null}`,
  );
  for (const operand of unit.operands) {
    if (operand.kind === "literal") hash = mixText(hash, `#${operand.value}`);
    else if (operand.kind === "iota") hash = mixText(hash, "iota");
    else if (inside.has(operand.value.unit) && unit.kind !== "heavy") {
      hash = mix(hash, shapeHash(operand.value.unit, inside, known));
    } else hash = mixText(hash, `load ${operand.value.aval.dtype}`);
  }
  known.set(unit, hash);
  return hash;
}
