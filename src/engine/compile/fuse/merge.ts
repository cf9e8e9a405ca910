/** Whether two groups may become one, and making them one. */
import { sizeOf } from "../../../util/index.ts";
import { merge } from "../dag.ts";
import { computes, type Operand, resultOf, targetView, type Unit } from "../lower/units.ts";
import { type View, viewKey } from "../view.ts";
import { hasRow, isRowLike, outerAxes, SMALL, type Space, unifyFull, unifyOuter } from "./axes.ts";
import { type Group, type Grouping, inRegister, isEscaping, resultIsOuter, viewIn } from "./group.ts";

/** A kernel with more instructions gains nothing by one more. */
const MOST_UNITS = 128;
/** What the interpreter of native/rows.h folds in one pass over a row. */
const MOST_REDUCES = 16;

/** The levels and axes of the two groups as one, given that `unit` of c reads `view` of `producer` of p; null if there are none. */
function unify(
  p: Group,
  c: Group,
  producer: Unit,
  unit: Unit,
  view: View,
): { space: Space; outer: Set<Unit> } | null {
  const both = () => new Set([...p.outer, ...c.outer]);
  const [rowP, rowC] = [hasRow(p.space), hasRow(c.space)];
  const full = () => {
    const space = unifyFull(p.space, c.space);
    return space && { space, outer: both() };
  };
  /** The units of `map` move to the outer level of `rows`. */
  const outside = (rows: Group, map: Group) => {
    if (map.units.some((each) => each.kind !== "map")) return null;
    const space = unifyOuter(rows.space, map.space);
    return space && { space, outer: new Set([...both(), ...map.units]) };
  };
  const same =
    sizeOf(view.shape) === sizeOf(resultOf(producer).aval.shape) &&
    view.strides.every((s, a) => s !== 0 || view.shape[a] === 1);
  if (resultIsOuter(producer, p.outer)) {
    if (!same || c.outer.has(unit)) return full();
    return rowC ? null : outside(p, c);
  }
  if (same && !c.outer.has(unit)) return full();
  return rowP || !rowC ? null : outside(c, p);
}

/** Loads and stores of a kernel of these units. An upper bound: equal accesses of different shapes count twice. */
function countBuffers(units: readonly Unit[], inside: (unit: Unit) => boolean): number {
  const loads = new Set<string>();
  let count = 0;
  const read = ({ value, view }: Operand & { kind: "value" }) => {
    loads.add(`${value.unit.id}.${value.unit.results.indexOf(value)}|${view.shape}|${viewKey(view)}`);
  };
  for (const unit of units) {
    if (!computes(unit)) {
      count++;
      continue;
    }
    for (const operand of unit.operands) {
      if (operand.kind === "value" && !inside(operand.value.unit)) read(operand);
    }
    if (isEscaping(resultOf(unit), inside)) count++;
  }
  return count + loads.size;
}

/** Every rule but the cycle check. */
function allowed(p: Group, c: Group, grouping: Grouping, space: Space, outer: ReadonlySet<Unit>): boolean {
  const units = [...p.units, ...c.units];
  if (units.length > MOST_UNITS || units.filter(({ kind }) => kind === "reduce").length > MOST_REDUCES)
    return false;
  // An epilogue runs over the axes of its contraction: whatever it accesses must be affine in them.
  const fixed = p.heavy !== null || c.heavy !== null;
  const inside = (unit: Unit) => {
    const group = grouping.get(unit);
    return group === p || group === c;
  };
  const rowLike = !hasRow(space) || isRowLike(space);
  for (const unit of units) {
    if (unit.after.some(inside)) return false;
    if (!computes(unit)) {
      // What a contraction multiplies cannot be part of what runs on its result.
      if (unit.operands.some((operand) => operand.kind === "value" && inside(operand.value.unit)))
        return false;
      continue;
    }
    for (const operand of unit.operands) {
      if (operand.kind === "literal") continue;
      if (operand.kind === "value" && inside(operand.value.unit)) {
        const producer = operand.value.unit;
        if (!inRegister(space, outer, unit, producer, operand.view)) return false;
        // A value of the row used along the row: another pass over it.
        if (!rowLike && !outer.has(unit) && resultIsOuter(producer, outer)) return false;
      } else if (
        (fixed || operand.view.guard !== null) &&
        viewIn(space, operand.view, outer.has(unit)) === null
      ) {
        return false;
      }
    }
    if (fixed && unit.into !== null && viewIn(space, targetView(unit, unit.into), false) === null)
      return false;
    if (!rowLike && !resultIsOuter(unit, outer) && isEscaping(resultOf(unit), inside)) return false;
  }
  return countBuffers(units, inside) <= grouping.maxBuffers;
}

/** One row with little work: single elements can be computed beside it. */
const isSmallRow = ({ heavy, space }: Group): boolean =>
  heavy === null && outerAxes(space).length === 0 && sizeOf(space.axes) <= SMALL;

/** Work on single elements stays out of big kernels, and joins a larger full reduction only when it needs nothing else computed. */
function scalarsAllow(p: Group, c: Group, grouping: Grouping): boolean {
  if (p.isScalar === c.isScalar) return true;
  if (p.isScalar) return false;
  if (p.heavy !== null || outerAxes(p.space).length > 0) return false;
  return needsOnly(p, c, grouping);
}

/** Whether `c` reads nothing computed but by `p`; beside a small row, nothing that a kernel computes. */
function needsOnly(p: Group, c: Group, grouping: Grouping): boolean {
  return c.units.every((unit) =>
    unit.operands.every((operand) => {
      if (operand.kind !== "value") return true;
      const group = grouping.get(operand.value.unit);
      return group === undefined || group === p || group === c || (isSmallRow(p) && !group.open);
    }),
  );
}

function join(p: Group, c: Group, grouping: Grouping, space: Space, outer: Set<Unit>): boolean {
  const [into, from] =
    c.heavy === null && p.units.length >= c.units.length ? [p, c] : p.heavy !== null ? [p, c] : [c, p];
  if (!merge(into.node, from.node)) return false;
  for (const unit of from.units) grouping.set(unit, into);
  into.units = [...into.units, ...from.units];
  into.space = space;
  into.outer = outer;
  return true;
}

/** Merges the group of a producer and that of its reader, across one operand, if all rules allow it. */
export function mergeAcross(
  p: Group,
  c: Group,
  producer: Unit,
  unit: Unit,
  view: View,
  grouping: Grouping,
): boolean {
  if (p === c || !p.open || !c.open || (p.heavy !== null && c.heavy !== null)) return false;
  if (!grouping.epilogues && (p.isNarrow || c.isNarrow)) return false;
  if (!scalarsAllow(p, c, grouping)) return false;
  const unified = unify(p, c, producer, unit, view);
  if (unified === null) return false;
  const heavy = p.heavy !== null ? p : c.heavy !== null ? c : null;
  if (heavy !== null && hasRow(unified.space)) return false;
  const space = heavy === null ? unified.space : heavy.space;
  if (!allowed(p, c, grouping, space, unified.outer)) return false;
  return join(p, c, grouping, space, unified.outer);
}

/** Merges two groups that do not read each other, over all axes of both. */
export function mergeSiblings(a: Group, b: Group, grouping: Grouping): boolean {
  if (a === b || a.heavy !== null || b.heavy !== null) return false;
  const space = unifyFull(a.space, b.space);
  if (space === null) return false;
  const outer = new Set([...a.outer, ...b.outer]);
  if (!allowed(a, b, grouping, space, outer)) return false;
  return join(a, b, grouping, space, outer);
}

/** Work on single elements moves into a small kernel over one row, beside what is computed there once a row. */
export function mergeBeside(rows: Group, scalars: Group, grouping: Grouping): boolean {
  if (rows === scalars || !scalars.isScalar || !hasRow(rows.space) || !isSmallRow(rows)) return false;
  if (scalars.units.some(({ kind }) => kind !== "map") || !needsOnly(rows, scalars, grouping)) return false;
  const outer = new Set([...rows.outer, ...scalars.outer, ...scalars.units]);
  if (!allowed(rows, scalars, grouping, rows.space, outer)) return false;
  return join(rows, scalars, grouping, rows.space, outer);
}
