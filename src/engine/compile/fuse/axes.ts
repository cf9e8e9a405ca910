/** Iteration spaces of kernels: the axes two shapes share once each is split as the other needs. */
import { type Shape, sizeOf } from "../../../util/index.ts";

/** Sizes without 1s, in row-major order, and which of them are reduced. */
export interface Space {
  readonly axes: readonly number[];
  readonly reduced: readonly boolean[];
}

export const dropOnes = (shape: Shape): number[] => shape.filter((size) => size !== 1);
export const outerAxes = ({ axes, reduced }: Space): number[] => axes.filter((_, axis) => !reduced[axis]);
export const hasRow = ({ reduced }: Space): boolean => reduced.includes(true);

export function spaceOf(domain: Shape, axes: readonly number[]): Space {
  const kept = domain
    .map((size, axis) => ({ size, reduced: axes.includes(axis) }))
    .filter(({ size }) => size !== 1);
  return { axes: kept.map(({ size }) => size), reduced: kept.map(({ reduced }) => reduced) };
}

interface Refined {
  readonly axes: readonly number[];
  /** The axis of each operand that each refined axis is part of. */
  readonly ofA: readonly number[];
  readonly ofB: readonly number[];
}

/** The coarsest axes of which both lists' axes are products, or null: [6,4] and [24] give [6,4]; [6,4] and [4,6] nothing. */
export function refine(a: readonly number[], b: readonly number[]): Refined | null {
  const axes: number[] = [];
  const ofA: number[] = [];
  const ofB: number[] = [];
  let i = a.length - 1;
  let j = b.length - 1;
  let [restA, restB] = [a[i] ?? 1, b[j] ?? 1];
  while (i >= 0 && j >= 0) {
    const size = Math.min(restA, restB);
    if (restA % size !== 0 || restB % size !== 0) return null;
    axes.push(size);
    ofA.push(i);
    ofB.push(j);
    restA /= size;
    restB /= size;
    if (restA === 1) restA = a[--i] ?? 1;
    if (restB === 1) restB = b[--j] ?? 1;
  }
  if (i >= 0 || j >= 0) return null;
  return { axes: axes.reverse(), ofA: ofA.reverse(), ofB: ofB.reverse() };
}

/** Both over all their axes; rows, where both have them, must be the same. */
export function unifyFull(a: Space, b: Space): Space | null {
  const refined = refine(a.axes, b.axes);
  if (refined === null) return null;
  const [rowA, rowB] = [hasRow(a), hasRow(b)];
  const flagsA = refined.ofA.map((axis) => a.reduced[axis] === true);
  const flagsB = refined.ofB.map((axis) => b.reduced[axis] === true);
  if (rowA && rowB && flagsA.some((flag, axis) => flag !== flagsB[axis])) return null;
  return { axes: refined.axes, reduced: rowA ? flagsA : flagsB };
}

/** All axes of `map` with the outer ones of `rows`. */
export function unifyOuter(rows: Space, map: Space): Space | null {
  const refined = refine(outerAxes(rows), map.axes);
  if (refined === null) return null;
  const axes: number[] = [];
  const reduced: boolean[] = [];
  let outer = 0;
  rows.axes.forEach((size, axis) => {
    if (rows.reduced[axis]) {
      axes.push(size);
      reduced.push(true);
      return;
    }
    refined.axes.forEach((part, index) => {
      if (refined.ofA[index] !== outer) return;
      axes.push(part);
      reduced.push(false);
    });
    outer++;
  });
  return { axes, reduced };
}

/** Up to this many elements a kernel costs little more than starting it. */
export const SMALL = 2048;
const LONGEST_ROW = 32_768;
const LONGEST_SINGLE_ROW = 8192;

/** Whether going over each row several times is cheap: rows that are contiguous and fit a cache, or little data at all. */
export function isRowLike(space: Space): boolean {
  const total = sizeOf(space.axes);
  if (total <= SMALL) return true;
  const first = space.reduced.indexOf(true);
  if (space.reduced.slice(first).includes(false)) return false;
  const row = sizeOf(space.axes.slice(first));
  return row <= (total === row ? LONGEST_SINGLE_ROW : LONGEST_ROW);
}
