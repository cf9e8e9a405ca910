/** Views: how the index of a consumer maps to an element of a contiguous producer. Pure functions; null where none composes. */
import { type Shape, stridesOf } from "../../util/index.ts";

/** Inside lo[d] <= i[d] < hi[d] the element is there; outside it is `fill`. */
export interface Guard {
  readonly lo: readonly number[];
  readonly hi: readonly number[];
  readonly fill: number;
}

/** element(i) = producer[offset + sum(strides[d] * i[d])]. */
export interface View {
  readonly shape: Shape;
  readonly offset: number;
  readonly strides: readonly number[];
  readonly guard: Guard | null;
}

const at = (list: readonly number[], index: number): number => list[index] as number;

export function identityView(shape: Shape): View {
  return { shape, offset: 0, strides: stridesOf(shape), guard: null };
}

/** Row-major without a guard: the producer's own order. Strides of axes of size 1 do not matter. */
export function isIdentity(view: View): boolean {
  if (view.offset !== 0 || view.guard !== null) return false;
  let stride = 1;
  for (let axis = view.shape.length - 1; axis >= 0; axis--) {
    const size = at(view.shape, axis);
    if (size === 1) continue;
    if (view.strides[axis] !== stride) return false;
    stride *= size;
  }
  return true;
}

/** What the view reads everywhere, if its guard excludes every element; else null. */
export function onlyFill({ shape, guard }: View): number | null {
  const none =
    guard !== null &&
    shape.some((size, axis) => Math.max(0, at(guard.lo, axis)) >= Math.min(size, at(guard.hi, axis)));
  return none ? guard.fill : null;
}

/** Drops a guard that excludes nothing. */
function withGuard(view: Omit<View, "guard">, guard: Guard | null): View {
  const all =
    guard === null || view.shape.every((size, axis) => at(guard.lo, axis) <= 0 && at(guard.hi, axis) >= size);
  return { ...view, guard: all ? null : guard };
}

/** The one element of a 0-d view everywhere. */
export const spreadView = ({ offset }: View, shape: Shape): View => ({
  shape,
  offset,
  strides: shape.map(() => 0),
  guard: null,
});

export function permuteView(view: View, perm: readonly number[]): View {
  const pick = (list: readonly number[]) => perm.map((axis) => at(list, axis));
  const { guard } = view;
  return {
    shape: pick(view.shape),
    offset: view.offset,
    strides: pick(view.strides),
    guard: guard && { lo: pick(guard.lo), hi: pick(guard.hi), fill: guard.fill },
  };
}

export function expandView(view: View, shape: Shape): View {
  const grown = shape.map((size, axis) => size !== view.shape[axis]);
  const strides = view.strides.map((stride, axis) => (grown[axis] ? 0 : stride));
  const { guard } = view;
  if (guard === null) return { ...view, shape, strides };
  const lo: number[] = [];
  const hi: number[] = [];
  shape.forEach((size, axis) => {
    const covers = at(guard.lo, axis) <= 0 && at(guard.hi, axis) >= 1;
    lo.push(grown[axis] ? 0 : at(guard.lo, axis));
    hi.push(grown[axis] ? (covers ? size : 0) : at(guard.hi, axis));
  });
  return withGuard({ shape, offset: view.offset, strides }, { lo, hi, fill: guard.fill });
}

export function sliceView(view: View, start: readonly number[], step: readonly number[], shape: Shape): View {
  let { offset } = view;
  const strides = view.strides.map((stride, axis) => {
    offset += stride * at(start, axis);
    return stride * at(step, axis);
  });
  const { guard } = view;
  if (guard === null) return { shape, offset, strides, guard: null };
  const lo: number[] = [];
  const hi: number[] = [];
  shape.forEach((size, axis) => {
    const [first, by] = [at(start, axis), at(step, axis)];
    // lo <= first + i * by < hi, solved for i.
    const from =
      by > 0
        ? Math.ceil((at(guard.lo, axis) - first) / by)
        : Math.floor((at(guard.hi, axis) - first) / by) + 1;
    const to =
      by > 0
        ? Math.ceil((at(guard.hi, axis) - first) / by)
        : Math.floor((at(guard.lo, axis) - first) / by) + 1;
    lo.push(Math.min(size, Math.max(0, from)));
    hi.push(Math.min(size, Math.max(0, to)));
  });
  return withGuard({ shape, offset, strides }, { lo, hi, fill: guard.fill });
}

/** Padding without interior, lo and hi >= 0. Null when the operand is guarded with another fill. */
export function padView(view: View, lo: readonly number[], hi: readonly number[], fill: number): View | null {
  const { guard } = view;
  if (guard !== null && !Object.is(guard.fill, fill)) return null;
  let { offset } = view;
  view.strides.forEach((stride, axis) => {
    offset -= stride * at(lo, axis);
  });
  const shape = view.shape.map((size, axis) => size + at(lo, axis) + at(hi, axis));
  const from = view.shape.map((_, axis) => at(lo, axis) + (guard === null ? 0 : at(guard.lo, axis)));
  const to = view.shape.map((size, axis) => at(lo, axis) + (guard === null ? size : at(guard.hi, axis)));
  return withGuard({ shape, offset, strides: view.strides }, { lo: from, hi: to, fill });
}

interface Axis {
  size: number;
  stride: number;
  lo: number;
  hi: number;
}

const guarded = (axis: Axis): boolean => axis.lo > 0 || axis.hi < axis.size;

/** One axis running over `outer` and `inner`, or null. */
function mergeAxes(outer: Axis, inner: Axis): Axis | null {
  if (outer.stride !== inner.stride * inner.size || guarded(inner)) return null;
  return {
    size: outer.size * inner.size,
    stride: inner.stride,
    lo: outer.lo * inner.size,
    hi: outer.hi * inner.size,
  };
}

/** `axis` as [size / inner, inner], or null. */
function splitAxis(axis: Axis, inner: number): [Axis, Axis] | null {
  const plain = !guarded(axis);
  if (!plain && (axis.lo % inner !== 0 || axis.hi % inner !== 0)) return null;
  const size = axis.size / inner;
  return [
    {
      size,
      stride: axis.stride * inner,
      lo: plain ? 0 : axis.lo / inner,
      hi: plain ? size : axis.hi / inner,
    },
    { size: inner, stride: axis.stride, lo: 0, hi: inner },
  ];
}

/** The same elements under another shape, or null when that is not one affine view. Sizes are not 0. */
export function reshapeView(view: View, shape: Shape): View | null {
  if (view.guard === null && isIdentity(view)) return identityView(shape);
  const { guard } = view;
  const from: Axis[] = [];
  for (let d = 0; d < view.shape.length; d++) {
    const axis = {
      size: at(view.shape, d),
      stride: at(view.strides, d),
      lo: guard === null ? 0 : at(guard.lo, d),
      hi: guard === null ? at(view.shape, d) : at(guard.hi, d),
    };
    if (axis.size !== 1) from.push(axis);
    else if (guarded(axis)) return null; // nothing but fill
  }
  const to: Axis[] = new Array(shape.length);
  let current: Axis | null = null;
  for (let d = shape.length - 1; d >= 0; d--) {
    const size = at(shape, d);
    if (size === 1) {
      to[d] = { size: 1, stride: 0, lo: 0, hi: 1 };
      continue;
    }
    current ??= from.pop() ?? null;
    if (current === null) return null;
    while (current.size % size !== 0) {
      const outer = from.pop();
      const merged: Axis | null = outer === undefined ? null : mergeAxes(outer, current);
      if (merged === null) return null;
      current = merged;
    }
    if (current.size === size) {
      to[d] = current;
      current = null;
    } else {
      const parts = splitAxis(current, size);
      if (parts === null) return null;
      to[d] = parts[1];
      current = parts[0];
    }
  }
  return withGuard(
    { shape, offset: view.offset, strides: to.map((axis) => axis.stride) },
    guard && { lo: to.map((axis) => axis.lo), hi: to.map((axis) => axis.hi), fill: guard.fill },
  );
}

const keys = new WeakMap<View, string>();

/** Equal for equal maps of one shape. */
export function viewKey(view: View): string {
  let key = keys.get(view);
  if (key === undefined) {
    const { offset, strides, guard } = view;
    const fill = guard !== null && Object.is(guard.fill, -0) ? "-0" : guard?.fill;
    key = `${offset}|${strides}${guard === null ? "" : `|${guard.lo}|${guard.hi}|${fill}`}`;
    keys.set(view, key);
  }
  return key;
}
