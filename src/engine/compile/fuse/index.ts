/** Fusion: units into groups, greedily. Contractions take their epilogues first, then producers and readers join, then siblings. */
import { sizeOf } from "../../../util/index.ts";
import type { Capabilities } from "../../ir/index.ts";
import type { DagNode } from "../dag.ts";
import type { Operand, Unit, Value } from "../lower/units.ts";
import { hasRow } from "./axes.ts";
import { Group, Grouping } from "./group.ts";
import { mergeAcross, mergeSiblings } from "./merge.ts";
import { costOf, repeat, repeatedMasks, repeatedStores } from "./repeat.ts";

export { Group, type Grouping, inRegister, viewIn } from "./group.ts";

/** How many clusters of scalar work are kept open, and how many readers of one value are tried pairwise. */
const OPEN_CLUSTERS = 4;
const MOST_READERS = 12;
/** Below this many elements, kernels over equal spaces join merely for reading the same group. */
const TINY = 65_536;

type ValueOperand = Operand & { kind: "value" };

export interface Fused {
  /** The units as they are now: some were repeated for their readers. */
  readonly units: readonly Unit[];
  /** In the order of their ranks. */
  readonly groups: readonly Group[];
}

/** Groups the units of a graph. */
export function fuse(units: readonly Unit[], caps: Capabilities, enabled: boolean): Fused {
  if (!enabled) return { units, groups: singles(units, caps).groups() };
  const start = repeat(units, repeatedMasks(units), []);
  const first = group(start.units, start.copies, caps);
  const repeats = repeatedStores(first);
  if (repeats.size === 0) return { units: start.units, groups: first };
  const before = costOf(first);
  const next = repeat(start.units, repeats, first);
  const second = group(next.units, new Set([...start.copies, ...next.copies]), caps);
  if (costOf(second) < before) return { units: next.units, groups: second };
  next.undo();
  return { units: start.units, groups: first };
}

/** Every unit for itself. */
function singles(units: readonly Unit[], caps: Capabilities): Grouping {
  const grouping = new Grouping(caps.maxBuffersPerKernel);
  for (const unit of units) {
    if (unit.kind === "leaf") continue;
    const own = new Group(unit, unit.id);
    grouping.set(unit, own);
    const follows = (other: Unit) => grouping.get(other)?.node.precede(own.node);
    for (const operand of unit.operands) if (operand.kind === "value") follows(operand.value.unit);
    unit.after.forEach(follows);
  }
  return grouping;
}

function group(units: readonly Unit[], repeated: ReadonlySet<Unit>, caps: Capabilities): Group[] {
  const grouping = singles(units, caps);
  // What was repeated for a reader goes to that reader; what is left, to its producer.
  joinProducers(units, (unit) => !repeated.has(unit), grouping);
  joinProducers(units, (unit) => repeated.has(unit), grouping);
  joinScalars(grouping);
  joinSiblings(units, grouping);
  return grouping.groups();
}

const valueOperands = (unit: Unit): ValueOperand[] =>
  unit.operands.filter((operand): operand is ValueOperand => operand.kind === "value");

function joinProducers(units: readonly Unit[], chosen: (unit: Unit) => boolean, grouping: Grouping): void {
  for (const unit of units) {
    if ((unit.kind !== "map" && unit.kind !== "reduce") || !chosen(unit)) continue;
    const operands = valueOperands(unit).filter(({ value }) => grouping.get(value.unit) !== undefined);
    // A contraction's epilogue is free; then the latest producer, whose result is the freshest.
    operands.sort((a, b) => preference(b, grouping) - preference(a, grouping));
    for (const { value, view } of operands) {
      const [p, c] = [grouping.get(value.unit), grouping.get(unit)];
      if (p !== undefined && c !== undefined) mergeAcross(p, c, value.unit, unit, view, grouping);
    }
  }
}

function preference({ value }: ValueOperand, grouping: Grouping): number {
  const group = grouping.get(value.unit);
  if (group === undefined) return -1;
  return group.node.rank + (group.heavy !== null ? 1e9 : 0);
}

/** Single-element work: as few kernels as dependencies allow. */
function joinScalars(grouping: Grouping): void {
  const open: Group[] = [];
  for (const group of grouping.groups()) {
    if (!group.isScalar || group.units.some((unit) => grouping.get(unit) !== group)) continue;
    const joined = open.some((cluster, index) => {
      if (!mergeSiblings(cluster, group, grouping)) return false;
      open[index] = grouping.get(group.units[0] as Unit) as Group;
      return true;
    });
    if (joined) continue;
    open.push(group);
    if (open.length > OPEN_CLUSTERS) open.shift();
  }
}

/** Kernels over the same space that read the same thing. */
function joinSiblings(units: readonly Unit[], grouping: Grouping): void {
  const byProducer = new Map<DagNode | Value, Set<Unit>>();
  const note = (key: DagNode | Value, unit: Unit) => {
    let readers = byProducer.get(key);
    if (readers === undefined) {
      readers = new Set();
      byProducer.set(key, readers);
    }
    readers.add(unit);
  };
  for (const unit of units) {
    if (unit.kind !== "map" && unit.kind !== "reduce") continue;
    const size = sizeOf(unit.domain);
    if (size === 1) continue;
    for (const { value } of valueOperands(unit)) {
      const group = grouping.get(value.unit);
      if (group === grouping.get(unit)) continue;
      if (sizeOf(value.aval.shape) === size) note(value, unit);
      if (group !== undefined && size <= TINY && sizeOf(value.aval.shape) > 1) note(group.node, unit);
    }
  }
  for (const readers of byProducer.values()) {
    const list = [...readers].slice(0, MOST_READERS);
    for (let i = 1; i < list.length; i++) {
      for (let j = 0; j < i; j++) {
        const [a, b] = [grouping.get(list[j] as Unit), grouping.get(list[i] as Unit)];
        if (a === undefined || b === undefined || a === b) continue;
        // A full reduction next to a map would tie a long row to its stores; equal rows, or small ones, go well together.
        if (hasRow(a.space) !== hasRow(b.space) && sizeOf(a.space.axes) > TINY) continue;
        mergeSiblings(a, b, grouping);
      }
    }
  }
}
