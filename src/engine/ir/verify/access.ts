/** Checks that accesses stay inside their buffers. */
import { type Shape, sizeOf } from "../../../util/index.ts";
import { bytesPerElement, type DType } from "../dtype.ts";
import {
  ACCUMULATOR,
  type Access,
  type Affine,
  type FusedBody,
  type FusedInstr,
  type Segment,
} from "../fused.ts";
import type { Plan, PlanBuffer } from "../plan.ts";
import { fail } from "./fail.ts";

export function bufferOf(plan: Plan, index: number, where: string): PlanBuffer {
  return plan.buffers[index] ?? fail(where, `there is no buffer ${index}`);
}

/** Throws unless offset + sum(strides * i) is an element of the buffer for every lo <= i < hi. */
export function checkRange(
  plan: Plan,
  buffer: number,
  affine: Affine,
  lo: readonly number[],
  hi: readonly number[],
  where: string,
): void {
  const { bytes, aval } = bufferOf(plan, buffer, where);
  const numbers = [affine.offset, ...affine.strides, ...lo, ...hi];
  if (!numbers.every(Number.isSafeInteger)) fail(where, "offsets and strides must be integers");
  if (lo.some((low, axis) => low >= (hi[axis] as number))) return;
  let least = affine.offset;
  let most = affine.offset;
  affine.strides.forEach((stride, axis) => {
    const ends = [stride * (lo[axis] as number), stride * ((hi[axis] as number) - 1)];
    least += Math.min(...ends);
    most += Math.max(...ends);
  });
  const count = bytes / bytesPerElement[aval.dtype];
  if (least < 0 || most >= count) {
    fail(where, `elements ${least} to ${most} do not lie in buffer ${buffer} of ${count}`);
  }
}

function checkAccess(plan: Plan, access: Access, shape: Shape, dtype: DType, where: string): void {
  if (access.strides.length !== shape.length) fail(where, "there must be one stride per axis");
  if (access.buffer === ACCUMULATOR) return;
  const buffer = bufferOf(plan, access.buffer, where);
  if (buffer.aval.dtype !== dtype) {
    fail(where, `dtype ${dtype} does not agree with buffer ${access.buffer} of ${buffer.aval.dtype}`);
  }
  const { guard } = access;
  if (guard !== undefined && (guard.lo.length !== shape.length || guard.hi.length !== shape.length)) {
    fail(where, "a guard must have one bound per axis");
  }
  const lo = shape.map((_, axis) => Math.max(0, guard?.lo[axis] ?? 0));
  const hi = shape.map((size, axis) => Math.min(size, guard?.hi[axis] ?? size));
  checkRange(plan, access.buffer, access, lo, hi, where);
}

export function checkSegment(
  plan: Plan,
  body: FusedBody,
  segment: Segment,
  epilogue: boolean,
  where: string,
): void {
  const { shape, inner, loads, indices, stores } = segment;
  if (inner < 0 || inner > shape.length) fail(where, `a row of ${inner} axes does not fit [${shape}]`);
  if (
    loads.length !== body.loads.length ||
    indices.length !== body.indices ||
    stores.length !== body.stores.length
  ) {
    fail(where, "the segment must have one access per load, index and store of the body");
  }
  loads.forEach((access, i) => {
    if (access.buffer === ACCUMULATOR && !epilogue) fail(where, "only an epilogue reads the accumulator");
    checkAccess(plan, access, shape, body.loads[i] as DType, `${where}, load ${i}`);
  });
  indices.forEach(({ strides }, i) => {
    if (strides.length !== shape.length) fail(`${where}, index ${i}`, "there must be one stride per axis");
  });
  stores.forEach((access, i) => {
    const at = `${where}, store ${i}`;
    const { value, dtype } = body.stores[i] as FusedBody["stores"][number];
    if (access.guard !== undefined) fail(at, "a store cannot be guarded");
    if (access.buffer === ACCUMULATOR) fail(at, "the accumulator cannot be stored to");
    checkAccess(plan, access, shape, dtype, at);
    checkOnce(access, segment, (body.instrs[value] as FusedInstr).level, at);
  });
}

/** A stored place is written once: the strides must tell indices apart, but along the row of an outer value. */
function checkOnce(access: Access, { shape, inner }: Segment, level: "outer" | "inner", where: string): void {
  const rank = shape.length;
  const perRow = inner > 0 && level === "outer";
  if (perRow && access.strides.slice(rank - inner).some((stride) => stride !== 0)) {
    fail(where, "the store of an outer value must not move along the row");
  }
  const axes = access.strides
    .map((stride, axis) => ({ stride: Math.abs(stride), size: shape[axis] as number }))
    .slice(0, perRow ? rank - inner : rank)
    .filter(({ size }) => size > 1)
    .sort((a, b) => a.stride - b.stride);
  if (sizeOf(shape) === 0) return;
  let reach = 0;
  for (const { stride, size } of axes) {
    if (stride <= reach) fail(where, "two indices are stored to one place");
    reach += stride * (size - 1);
  }
}
