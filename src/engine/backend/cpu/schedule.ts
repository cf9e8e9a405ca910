/**
 * Where a fused segment runs fastest: drops, orders and merges its axes so that inner loops are long and contiguous, and chooses how rows
 * are walked. Depends on shapes and strides only, so that results never depend on the machine.
 */
import { stridesOf, UnsupportedError } from "../../../util/index.ts";
import { ACCUMULATOR, type Access, type FusedBody, type Segment } from "../../ir/index.ts";

/** As in native/fused.h. */
export const modes = { map: 0, rows: 1, long: 2, columns: 3, stacked: 4 } as const;
export type Mode = keyof typeof modes;

export const TILE = 256;
const MOST_AXES = 8;
/** Axes and strides from here on are worth going along in blocks. */
const LEAST_BLOCK = 8;
/** Rows from this length on are cut over threads when there are few of them. */
const LONG_SPLIT = { length: 16384, rows: 64 };
const COLUMN_SPLIT = { length: 2048, rows: 512 };

/** An operand of a scheduled segment: strides and guard follow its axes. */
export interface Operand {
  readonly buffer: number;
  readonly offset: number;
  readonly strides: readonly number[];
  readonly guard: {
    readonly lo: readonly number[];
    readonly hi: readonly number[];
    readonly fill: number;
  } | null;
}

export interface Schedule {
  readonly mode: Mode;
  readonly sizes: readonly number[];
  /** How many leading axes (stacked: trailing) number the rows; all of them in a map. */
  readonly outer: number;
  readonly split: boolean;
  /** Of a map whose operands lie across each other: the axis to go along in blocks, beside the last; else -1. */
  readonly block: number;
  readonly loads: readonly Operand[];
  readonly indices: readonly Operand[];
  readonly stores: readonly Operand[];
}

interface Axis {
  size: number;
  readonly inner: boolean;
  /** One a load, index and store, in that order. */
  strides: number[];
  /** One a load; null where the guard leaves this axis whole. */
  guards: ({ lo: number; hi: number } | null)[];
}

function axesOf(segment: Segment, asMap: boolean): Axis[] {
  const rowMajor = stridesOf(segment.shape);
  // An epilogue's accumulator is the result itself, element after element.
  const strides = [
    ...segment.loads.map((load) => (load.buffer === ACCUMULATOR ? rowMajor : load.strides)),
    ...[...segment.indices, ...segment.stores].map((affine) => affine.strides),
  ];
  return segment.shape.map((size, axis) => ({
    size,
    inner: !asMap && axis >= segment.shape.length - segment.inner,
    strides: strides.map((of) => of[axis] ?? 0),
    guards: segment.loads.map(({ guard }) => {
      if (guard === undefined) return null;
      const lo = Math.max(0, guard.lo[axis] as number);
      const hi = Math.min(size, guard.hi[axis] as number);
      return lo === 0 && hi === size ? null : { lo, hi };
    }),
  }));
}

/** a then b as one axis, or null where an operand does not step evenly through both. */
function merge(a: Axis, b: Axis): Axis | null {
  if (a.inner !== b.inner) return null;
  if (!a.strides.every((stride, i) => stride === (b.strides[i] as number) * b.size)) return null;
  if (b.guards.some((guard) => guard !== null)) return null;
  const guards = a.guards.map((guard) => guard && { lo: guard.lo * b.size, hi: guard.hi * b.size });
  return { size: a.size * b.size, inner: a.inner, strides: b.strides, guards };
}

function merged(axes: readonly Axis[]): Axis[] {
  const out: Axis[] = [];
  for (const axis of axes) {
    if (axis.size === 1 && axis.guards.every((guard) => guard === null)) continue;
    const last = out.at(-1);
    const joined = last === undefined ? null : merge(last, axis);
    if (joined === null) out.push(axis);
    else out[out.length - 1] = joined;
  }
  return out;
}

/** Long strides first along one operand; axes it does not move along keep their place before those it does. */
function ordered(axes: readonly Axis[], operand: number): Axis[] {
  const stride = (axis: Axis) => Math.abs(axis.strides[operand] ?? 0) || Number.POSITIVE_INFINITY;
  return axes
    .map((axis, place) => ({ axis, place }))
    .sort((a, b) => stride(b.axis) - stride(a.axis) || a.place - b.place)
    .map(({ axis }) => axis);
}

const countMoving = (axes: readonly Axis[], operand: number): number =>
  axes.reduce((count, { strides, size }) => count + (strides[operand] !== 0 && size > 1 ? 1 : 0), 0);

/** Whether walking down columns reads more operands in a line than walking along rows. */
function prefersColumns(axes: readonly Axis[]): boolean {
  const column = axes.filter(({ inner }) => !inner).at(-1);
  const row = axes.filter(({ inner }) => inner).at(-1);
  if (row === undefined) return true;
  if (column === undefined || column.size < 4) return false;
  let score = 0;
  row.strides.forEach((along, i) => {
    if (along === 0) return;
    const down = column.strides[i] as number;
    if (along === 1) score--;
    else if (down === 1) score++;
  });
  return score > 0;
}

const sizeOfAxes = (axes: readonly Axis[]): number => axes.reduce((product, { size }) => product * size, 1);

function chooseMode(axes: readonly Axis[], asMap: boolean): Mode {
  if (asMap) return "map";
  if (prefersColumns(axes))
    return sizeOfAxes(axes.filter(({ inner }) => !inner)) <= TILE / 2 ? "stacked" : "columns";
  return sizeOfAxes(axes.filter(({ inner }) => inner)) <= TILE ? "rows" : "long";
}

/** The axis along which a load is contiguous that takes long strides along the last. */
function blockAxis(axes: readonly Axis[], loads: number): number {
  const last = axes.at(-1);
  if (last === undefined || last.size < LEAST_BLOCK) return -1;
  for (let load = 0; load < loads; load++) {
    if (Math.abs(last.strides[load] as number) < LEAST_BLOCK) continue;
    const across = axes.findIndex(
      ({ strides, size }) => Math.abs(strides[load] as number) === 1 && size >= LEAST_BLOCK,
    );
    if (across >= 0) return across;
  }
  return -1;
}

/** A body whose every value is an element's own. */
function isMap(body: FusedBody, segment: Segment): boolean {
  if (body.instrs.some(({ op }) => op === "reduce")) return false;
  return segment.inner === 0 || body.stores.every(({ value }) => body.instrs[value]?.level === "inner");
}

/** The schedule of a segment; null when it has no element to compute. */
export function schedule(body: FusedBody, segment: Segment): Schedule | null {
  const asMap = isMap(body, segment);
  const axes = axesOf(segment, asMap);
  if (axes.some(({ size, inner }) => size === 0 && !inner)) return null;
  const main = mainOperand(axes, segment, asMap);
  const outerAxes = merged(
    ordered(
      axes.filter(({ inner }) => !inner),
      main,
    ),
  );
  const innerAxes = axes.filter(({ inner }) => inner);
  const keepsOrder = body.instrs.some((instr) => instr.op === "reduce" && instr.kind.startsWith("arg"));
  const rowAxes = merged(keepsOrder ? innerAxes : ordered(innerAxes, main));
  const all = [...outerAxes, ...rowAxes];
  const mode = chooseMode(all, asMap);
  const rows = sizeOfAxes(outerAxes);
  const length = sizeOfAxes(rowAxes);
  const limits = mode === "long" ? LONG_SPLIT : COLUMN_SPLIT;
  const split = mode !== "map" && mode !== "rows" && length >= limits.length && rows <= limits.rows;
  const block = asMap ? blockAxis(all, segment.loads.length) : -1;
  const axesInOrder = mode === "stacked" ? [...rowAxes, ...outerAxes] : all;
  return scheduled(segment, axesInOrder, { mode, outer: outerAxes.length, split, block });
}

/** An epilogue's: a map whose positions are those of the result, so its axes are merged but never moved. */
export function scheduleEpilogue(segment: Segment): Schedule {
  const all = merged(axesOf(segment, true));
  return scheduled(segment, all, { mode: "map", outer: all.length, split: false, block: -1 });
}

function scheduled(
  segment: Segment,
  all: readonly Axis[],
  how: Pick<Schedule, "mode" | "outer" | "split" | "block">,
): Schedule {
  if (all.length > MOST_AXES) {
    throw new UnsupportedError(
      `cpu: a kernel moves along at most ${MOST_AXES} axes that cannot be merged; got ${all.length}. Reshape to fewer axes.`,
    );
  }
  const { loads, indices, stores } = segment;
  const operand = (access: { offset: number } & Partial<Access>, place: number): Operand => ({
    buffer: access.buffer ?? 0,
    offset: access.offset,
    strides: all.map(({ strides }) => strides[place] as number),
    guard: guardOf(access, all, place),
  });
  return {
    ...how,
    sizes: all.map(({ size }) => size),
    loads: loads.map((access, i) => operand(access, i)),
    indices: indices.map((affine, i) => operand(affine, loads.length + i)),
    stores: stores.map((access, i) => operand(access, loads.length + indices.length + i)),
  };
}

function guardOf({ guard }: Partial<Access>, axes: readonly Axis[], load: number): Operand["guard"] {
  if (guard === undefined || axes.every(({ guards }) => guards[load] === null)) return null;
  return {
    lo: axes.map(({ guards }) => guards[load]?.lo ?? 0),
    hi: axes.map(({ guards, size }) => guards[load]?.hi ?? size),
    fill: guard.fill,
  };
}

/** The operand whose layout decides the order of axes: of a map its first store; of rows the load that moves most. */
function mainOperand(axes: readonly Axis[], segment: Segment, asMap: boolean): number {
  if (asMap) return segment.loads.length + segment.indices.length;
  let main = 0;
  for (let load = 1; load < segment.loads.length; load++) {
    if (countMoving(axes, load) > countMoving(axes, main)) main = load;
  }
  return main;
}
