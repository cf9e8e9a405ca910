/** A group: units that become one kernel, and whether two groups may become one. */
import { sizeOf, stridesOf } from "../../../util/index.ts";
import { DagNode, merge } from "../dag.ts";
import { computes, type Operand, resultOf, type Unit, type Value } from "../lower/units.ts";
import { reshapeView, type View, viewKey } from "../view.ts";
import {
  dropOnes,
  hasRow,
  isRowLike,
  outerAxes,
  type Space,
  spaceOf,
  unifyFull,
  unifyOuter,
} from "./axes.ts";

/** A kernel with more instructions gains nothing by one more. */
const MOST_UNITS = 128;

export class Group {
  readonly node: DagNode;
  units: Unit[];
  space: Space;
  /** A contraction these units are the epilogue of, or another step of its own; null for a fused kernel. */
  readonly heavy: Unit | null;
  /** Units that compute one element per row. */
  outer = new Set<Unit>();

  constructor(unit: Unit, rank: number) {
    this.node = new DagNode(rank);
    this.units = [unit];
    this.heavy = computes(unit) ? null : unit;
    this.space =
      this.heavy === null
        ? spaceOf(unit.domain, unit.axes)
        : {
            axes: dropOnes(unit.results[0]?.aval.shape ?? []),
            reduced: dropOnes(unit.results[0]?.aval.shape ?? []).map(() => false),
          };
  }

  /** Takes part in fusion: a kernel, or a contraction that runs an epilogue. */
  get open(): boolean {
    if (this.heavy === null) return true;
    const op = this.heavy.node?.op;
    return op === "matmul" || op === "conv" || op === "convInputGrad" || op === "convFilterGrad";
  }

  get isScalar(): boolean {
    return this.heavy === null && this.space.axes.length === 0;
  }
}

/** Which group each unit is in; leaves are in none. */
export type Grouping = Map<Unit, Group>;

const resultIsOuter = (unit: Unit, outer: ReadonlySet<Unit>): boolean =>
  unit.kind === "reduce" || outer.has(unit);

/** Strides of a value of the group in the group's axes. */
function home(space: Space, isOuter: boolean): number[] {
  if (!isOuter) return stridesOf(space.axes);
  const strides = stridesOf(outerAxes(space));
  let next = 0;
  return space.reduced.map((reduced) => (reduced ? 0 : (strides[next++] as number)));
}

/** An operand's view in the axes its unit runs over, or null where a guard cannot be split. */
export function viewIn(space: Space, view: View, isOuter: boolean): View | null {
  if (!isOuter) return reshapeView(view, space.axes);
  const split = reshapeView(view, outerAxes(space));
  if (split === null) return null;
  // Spread over the row.
  let next = 0;
  const pick = (list: readonly number[], row: (size: number) => number) => {
    next = 0;
    return space.axes.map((size, axis) => (space.reduced[axis] ? row(size) : (list[next++] as number)));
  };
  const { guard } = split;
  return {
    shape: space.axes,
    offset: split.offset,
    strides: pick(split.strides, () => 0),
    guard: guard && { lo: pick(guard.lo, () => 0), hi: pick(guard.hi, (size) => size), fill: guard.fill },
  };
}

/** Whether `unit` finds the element of `producer` it needs in a register: at the same index, or the one value of its row. */
export function inRegister(
  space: Space,
  outer: ReadonlySet<Unit>,
  unit: Unit,
  producer: Unit,
  view: View,
): boolean {
  if (view.offset !== 0 || view.guard !== null) return false;
  const producerOuter = resultIsOuter(producer, outer);
  if (outer.has(unit) && !producerOuter) return false;
  const split = viewIn(space, view, outer.has(unit));
  if (split === null) return false;
  const strides = home(space, producerOuter);
  return split.strides.every((stride, axis) => stride === strides[axis]);
}

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

const isEscaping = (value: Value, inside: (unit: Unit) => boolean): boolean =>
  value.kept || value.unit.into !== null || value.users.some((user) => !inside(user));

/** Loads and stores of a kernel of these units. An upper bound: equal accesses of different shapes count twice. */
function countBuffers(units: readonly Unit[], inside: (unit: Unit) => boolean): number {
  const loads = new Set<string>();
  let count = 0;
  const read = ({ value, view }: Operand & { kind: "value" }) => {
    loads.add(`${value.unit.id}.${value.unit.results.indexOf(value)}|${viewKey(view)}`);
  };
  for (const unit of units) {
    if (!computes(unit)) {
      count++;
      continue;
    }
    if (unit.fn === "random") count++; // two words of the key
    for (const operand of unit.operands) {
      if (operand.kind === "value" && !inside(operand.value.unit)) read(operand);
    }
    if (isEscaping(resultOf(unit), inside)) count++;
  }
  return count + loads.size;
}

/** Every rule but the cycle check. */
function allowed(
  p: Group,
  c: Group,
  grouping: Grouping,
  space: Space,
  outer: ReadonlySet<Unit>,
  maxBuffers: number,
): boolean {
  const units = [...p.units, ...c.units];
  if (units.length > MOST_UNITS) return false;
  const heavy = p.heavy ?? c.heavy;
  if (heavy !== null) {
    const shape = dropOnes(resultOf(heavy).aval.shape);
    if (hasRow(space) || space.axes.length !== shape.length) return false;
    if (space.axes.some((size, axis) => size !== shape[axis])) return false;
  }
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
        // A key is two words for every element.
        if (unit.fn === "random") return false;
        if (!inRegister(space, outer, unit, producer, operand.view)) return false;
        // A value of the row used along the row: another pass over it.
        if (!rowLike && !outer.has(unit) && resultIsOuter(producer, outer)) return false;
      } else if (
        operand.view.guard !== null &&
        unit.fn !== "random" &&
        viewIn(space, operand.view, outer.has(unit)) === null
      ) {
        return false;
      }
    }
    if (!rowLike && !resultIsOuter(unit, outer) && isEscaping(resultOf(unit), inside)) return false;
  }
  return countBuffers(units, inside) <= maxBuffers;
}

/** Work on single elements stays out of big kernels, and joins a full reduction only when it needs nothing else computed. */
function scalarsAllow(p: Group, c: Group, grouping: Grouping): boolean {
  if (p.isScalar === c.isScalar) return true;
  if (p.isScalar) return false;
  if (p.heavy !== null || outerAxes(p.space).length > 0) return false;
  return c.units.every((unit) =>
    unit.operands.every((operand) => {
      if (operand.kind !== "value") return true;
      const group = grouping.get(operand.value.unit);
      return group === undefined || group === p || group === c;
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
  maxBuffers: number,
): boolean {
  if (p === c || !p.open || !c.open || (p.heavy !== null && c.heavy !== null)) return false;
  if (!scalarsAllow(p, c, grouping)) return false;
  const unified = unify(p, c, producer, unit, view);
  if (unified === null) return false;
  if (!allowed(p, c, grouping, unified.space, unified.outer, maxBuffers)) return false;
  return join(p, c, grouping, unified.space, unified.outer);
}

/** Merges two groups that do not read each other, over all axes of both. */
export function mergeSiblings(a: Group, b: Group, grouping: Grouping, maxBuffers: number): boolean {
  if (a === b || a.heavy !== null || b.heavy !== null) return false;
  const space = unifyFull(a.space, b.space);
  if (space === null) return false;
  const outer = new Set([...a.outer, ...b.outer]);
  if (!allowed(a, b, grouping, space, outer, maxBuffers)) return false;
  return join(a, b, grouping, space, outer);
}
