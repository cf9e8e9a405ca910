/** Groups: units that become one kernel, and what of each other they find in registers. */
import { sizeOf, stridesOf } from "../../../util/index.ts";
import { DagNode } from "../dag.ts";
import { computes, type Unit, type Value } from "../lower/units.ts";
import { isIdentity, reshapeView, type View } from "../view.ts";
import { dropOnes, outerAxes, SMALL, type Space, spaceOf } from "./axes.ts";

/** Products over fewer elements than this are narrow. */
const NARROW = 64;

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

  /** A product of one column over a short row: little work before an epilogue, whose results a row kernel often reads next. */
  get isNarrow(): boolean {
    const node = this.heavy?.node;
    if (node?.op !== "matmul" || node.aval.shape.at(-1) !== 1) return false;
    const k = node.src[0]?.aval.shape.at(-1) ?? 1;
    return !node.attrs.transposeA && k < NARROW && sizeOf(node.aval.shape) <= SMALL;
  }

  get isScalar(): boolean {
    return this.heavy === null && this.space.axes.length === 0;
  }
}

/** Which group each unit is in; leaves are in none. */
export class Grouping {
  readonly maxBuffers: number;
  /** Whether narrow products may take epilogues yet: rows of their results are asked first. */
  epilogues = false;
  readonly #byUnit: (Group | undefined)[] = [];

  constructor(maxBuffers: number) {
    this.maxBuffers = maxBuffers;
  }

  get(unit: Unit): Group | undefined {
    return this.#byUnit[unit.id];
  }

  set(unit: Unit, group: Group): void {
    this.#byUnit[unit.id] = group;
  }

  /** In the order of their ranks, each with its units in theirs. */
  groups(): Group[] {
    const found = new Set<Group>();
    for (const group of this.#byUnit) if (group !== undefined) found.add(group);
    const list = [...found].sort((a, b) => a.node.rank - b.node.rank);
    for (const group of list) group.units.sort((a, b) => a.id - b.id);
    return list;
  }
}

/** Whether a value must be in memory for the sake of others than these units. */
export const isEscaping = (value: Value, inside: (unit: Unit) => boolean): boolean =>
  value.kept || value.unit.into !== null || value.users.some((user) => !inside(user));

export const resultIsOuter = (unit: Unit, outer: ReadonlySet<Unit>): boolean =>
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
  if (outer.has(unit) === producerOuter && isIdentity(view)) return true;
  const split = viewIn(space, view, outer.has(unit));
  if (split === null) return false;
  const strides = home(space, producerOuter);
  return split.strides.every((stride, axis) => stride === strides[axis]);
}
