/** Fusion: units into groups, greedily. Contractions take their epilogues first, then producers and readers join, then siblings. */
import { sizeOf } from "../../../util/index.ts";
import type { Capabilities } from "../../ir/index.ts";
import { type DagNode, order } from "../dag.ts";
import type { Operand, Unit, Value } from "../lower/units.ts";
import { hasRow } from "./axes.ts";
import { Group, Grouping } from "./group.ts";
import { mergeAcross, mergeBeside, mergeSiblings } from "./merge.ts";
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

/** Values that are to take the memory of a leaf. */
export type Successors = ReadonlyMap<Value, Value>;

/** Groups the units of a graph. Readers of a leaf come before what takes its memory, so that this can happen in place. */
export function fuse(
  units: readonly Unit[],
  successors: Successors,
  caps: Capabilities,
  enabled: boolean,
): Fused {
  const group = (list: readonly Unit[], repeated: ReadonlySet<Unit>) => {
    const grouping = singles(list, successors, caps);
    if (enabled) join(list, repeated, grouping);
    return grouping.groups();
  };
  if (!enabled) return { units, groups: group(units, new Set()) };
  const start = repeat(units, repeatedMasks(units), []);
  const first = group(start.units, start.copies);
  const repeats = repeatedStores(first);
  if (repeats.size === 0) return { units: start.units, groups: first };
  const before = costOf(first);
  const next = repeat(start.units, repeats, first);
  const second = group(next.units, new Set([...start.copies, ...next.copies]));
  if (costOf(second) < before) return { units: next.units, groups: second };
  next.undo();
  return { units: start.units, groups: first };
}

/** Every unit for itself. */
function singles(units: readonly Unit[], successors: Successors, caps: Capabilities): Grouping {
  const grouping = new Grouping(caps.maxBuffersPerKernel);
  for (const unit of units) {
    if (unit.kind === "leaf") continue;
    const own = new Group(unit, unit.id);
    grouping.set(unit, own);
    const follows = (other: Unit) => grouping.get(other)?.node.precede(own.node);
    for (const operand of unit.operands) if (operand.kind === "value") follows(operand.value.unit);
    unit.after.forEach(follows);
  }
  for (const [value, leaf] of successors) {
    const writer = grouping.get(value.unit);
    for (const reader of leaf.users) {
      const before = grouping.get(reader);
      if (writer !== undefined && before !== undefined) order(before.node, writer.node);
    }
  }
  return grouping;
}

function join(units: readonly Unit[], repeated: ReadonlySet<Unit>, grouping: Grouping): void {
  // What was repeated for a reader goes to that reader; what is left, to its producer.
  joinProducers(units, (unit) => !repeated.has(unit), grouping);
  joinRepeated(units, repeated, grouping);
  joinProducers(units, (unit) => repeated.has(unit), grouping);
  grouping.epilogues = true;
  if (grouping.groups().some(({ isNarrow }) => isNarrow)) joinProducers(units, () => true, grouping);
  joinScalars(grouping);
  joinSiblings(units, sameValue, grouping);
  joinSiblings(units, sameGroup, grouping);
  joinBeside(grouping);
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

/** What was repeated for work that was repeated follows it, last first. */
function joinRepeated(units: readonly Unit[], repeated: ReadonlySet<Unit>, grouping: Grouping): void {
  for (const unit of [...units].reverse()) {
    if (!repeated.has(unit)) continue;
    for (const { value, view } of valueOperands(unit)) {
      const [p, c] = [grouping.get(value.unit), grouping.get(unit)];
      if (p === undefined || c === undefined || !repeated.has(value.unit)) continue;
      mergeAcross(p, c, value.unit, unit, view, grouping);
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

/** Single-element work that is left goes along with a small row, unless that has equals it would differ from. */
function joinBeside(grouping: Grouping): void {
  const groups = grouping.groups();
  const count = new Map<string, number>();
  const work = ({ units }: Group) => units.map(({ fn }) => fn).join();
  const rows = groups.filter(({ heavy, space }) => heavy === null && hasRow(space));
  for (const row of rows) count.set(work(row), (count.get(work(row)) ?? 0) + 1);
  const alone = rows.filter((row) => count.get(work(row)) === 1).slice(-OPEN_CLUSTERS);
  for (const group of groups) {
    // A row may live on in what it was merged into.
    const now = (row: Group) => grouping.get(row.units[0] as Unit) as Group;
    if (group.isScalar) alone.some((row) => mergeBeside(now(row), group, grouping));
  }
}

/** What readers have in common: a value they read whole, or the group their operands come from. */
type Shared = (value: Value, size: number, group: Group | undefined) => Value | DagNode | null;

const sameValue: Shared = (value, size) => (sizeOf(value.aval.shape) === size ? value : null);
const sameGroup: Shared = (value, size, group) =>
  group !== undefined && size <= TINY && sizeOf(value.aval.shape) > 1 ? group.node : null;

/** Kernels over the same space that read the same thing. */
function joinSiblings(units: readonly Unit[], shared: Shared, grouping: Grouping): void {
  const readersOf = new Map<DagNode | Value, Set<Unit>>();
  for (const unit of units) {
    const size = sizeOf(unit.domain);
    if ((unit.kind !== "map" && unit.kind !== "reduce") || size === 1) continue;
    for (const { value } of valueOperands(unit)) {
      const group = grouping.get(value.unit);
      const key = group === grouping.get(unit) ? null : shared(value, size, group);
      if (key === null) continue;
      const readers = readersOf.get(key);
      if (readers === undefined) readersOf.set(key, new Set([unit]));
      else readers.add(unit);
    }
  }
  for (const readers of readersOf.values()) {
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
