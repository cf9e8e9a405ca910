/** Fewer axes for the same accesses: neighbours that every operand walks as one become one. */
import { ACCUMULATOR, type Access, type Affine, type Segment } from "../../ir/index.ts";

interface Walk {
  offset: number;
  strides: number[];
  lo: number[] | null;
  hi: number[] | null;
}

const at = (list: readonly number[], index: number): number => list[index] as number;

/** Whether axis d and d + 1 can be one for this operand. */
function fits(walk: Walk, shape: readonly number[], d: number): boolean {
  const size = at(shape, d + 1);
  if (at(walk.strides, d) !== at(walk.strides, d + 1) * size) return false;
  return walk.lo === null || walk.hi === null || (at(walk.lo, d + 1) <= 0 && at(walk.hi, d + 1) >= size);
}

function fold(walk: Walk, shape: readonly number[], d: number): void {
  const size = at(shape, d + 1);
  walk.strides.splice(d, 1);
  if (walk.lo === null || walk.hi === null) return;
  walk.lo.splice(d, 2, at(walk.lo, d) * size);
  walk.hi.splice(d, 2, at(walk.hi, d) * size);
}

/** The segment over merged axes; rows stay apart from the axes before them. */
export function collapse(segment: Segment): Segment {
  const walkOf = ({ offset, strides }: Affine, guard?: Access["guard"]): Walk => ({
    offset,
    strides: [...strides],
    lo: guard ? [...guard.lo] : null,
    hi: guard ? [...guard.hi] : null,
  });
  const loads = segment.loads.map((load) => walkOf(load, load.guard));
  const indices = segment.indices.map((index) => walkOf(index));
  const stores = segment.stores.map((store) => walkOf(store));
  const walks = [...loads.filter((_, i) => segment.loads[i]?.buffer !== ACCUMULATOR), ...indices, ...stores];
  const shape = [...segment.shape];
  let { inner } = segment;
  for (let d = shape.length - 2; d >= 0; d--) {
    if (inner > 0 && d === shape.length - inner - 1) continue;
    if (!walks.every((walk) => fits(walk, shape, d))) continue;
    for (const walk of walks) fold(walk, shape, d);
    if (d >= shape.length - inner) inner--;
    shape.splice(d, 2, at(shape, d) * at(shape, d + 1));
  }
  const result = (access: Access, walk: Walk): Access => ({
    buffer: access.buffer,
    offset: walk.offset,
    strides: access.buffer === ACCUMULATOR ? shape.map(() => 0) : walk.strides,
    ...(access.guard &&
      walk.lo &&
      walk.hi && { guard: { lo: walk.lo, hi: walk.hi, fill: access.guard.fill } }),
  });
  return {
    shape,
    inner,
    loads: segment.loads.map((load, i) => result(load, loads[i] as Walk)),
    indices: indices.map(({ offset, strides }) => ({ offset, strides })),
    stores: segment.stores.map((store, i) => result(store, stores[i] as Walk)),
  };
}
