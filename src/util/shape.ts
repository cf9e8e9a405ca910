/** Shapes: pure functions on arrays of non-negative integers. */
import { ShapeError } from "./error.ts";

export type Shape = readonly number[];

/** The number of elements; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}

/** Row-major (C order) strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] as number;
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}

/** `[2,3]` as text. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(",")}]`;
}

/** The shape both broadcast to under NumPy's rule. Throws ShapeError naming `op`. */
export function broadcastShapes(op: string, ...shapes: Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (let i = 0; i < shape.length; i++) {
      const axis = rank - shape.length + i;
      const dim = shape[i] as number;
      if (dim === 1 || out[axis] === dim) continue;
      if (out[axis] !== 1) {
        throw new ShapeError(
          `${op}: shapes must broadcast (equal or 1 from the right); got ${shapes.map(formatShape).join(" and ")}.`,
        );
      }
      out[axis] = dim;
    }
  }
  return out;
}

/** An axis in [0, rank), counting from the end when negative. Throws ShapeError. */
export function normaliseAxis(op: string, axis: number, rank: number): number {
  const result = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || result < 0 || result >= rank) {
    throw new ShapeError(`${op}: axis must be an integer in [${-rank}, ${rank}); got ${axis}.`);
  }
  return result;
}

/** Distinct axes in ascending order; all of them when `axes` is undefined. Throws ShapeError. */
export function normaliseAxes(
  op: string,
  axes: number | readonly number[] | undefined,
  rank: number,
): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const list = typeof axes === "number" ? [axes] : axes;
  const result = [...new Set(list.map((axis) => normaliseAxis(op, axis, rank)))].sort((a, b) => a - b);
  if (result.length !== list.length) throw new ShapeError(`${op}: axes must be distinct; got [${list}].`);
  return result;
}
