/** What shape inference is given and gives, and the checks its rules share. */
import { DTypeError, InternalError, type Shape, ShapeError, sameShape } from "../../../util/index.ts";
import { type Attrs, type Aval, type DType, formatAval, integerRange, type Op } from "../../ir/index.ts";

/** What a rule may know of an operand; a Node is one. */
export interface Source {
  readonly aval: Aval;
  readonly outs?: readonly Aval[] | undefined;
}

/** What sources and attributes do not imply: see `ToldOf`. */
export interface Told {
  readonly shape?: Shape | undefined;
  readonly dtype?: DType | undefined;
}

export interface InferRow<K extends Op> {
  /** How many sources it takes; null: any number, checked by `infer`. */
  readonly sources: number | null;
  /** The avals of the results (one, but for composite and loop). Throws ShapeError, DTypeError. */
  readonly infer: (src: readonly Source[], attrs: Attrs[K], told: Told) => readonly Aval[];
}

export type InferTable<K extends Op> = { readonly [P in K]: InferRow<P> };

export const at = (src: readonly Source[], index: number): Aval => (src[index] as Source).aval;
export const dim = (shape: Shape, axis: number): number => shape[axis] as number;

export const listed = (avals: readonly Aval[]): string => avals.map(formatAval).join(" and ");

export function needShape(op: string, holds: boolean, rule: string, ...got: readonly Aval[]): asserts holds {
  if (!holds) throw new ShapeError(`${op}: ${rule}; got ${listed(got)}.`);
}

/** Throws DTypeError unless every dtype is one of `allowed`, saying how to cast. */
export function needDType(op: string, allowed: readonly DType[], ...got: readonly Aval[]): void {
  const wrong = got.find((aval) => !allowed.includes(aval.dtype));
  if (wrong === undefined) return;
  // A bool counts best as an integer; everything else computes in f32.
  const target = wrong.dtype === "bool" && allowed.includes("i32") ? "i32" : (allowed[0] as DType);
  throw new DTypeError(
    `${op}: dtype must be ${alternatives(allowed)}; got ${listed(got)}. Cast with .astype("${target}").`,
  );
}

const alternatives = (names: readonly string[]): string =>
  names.length === 1 ? String(names[0]) : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;

/** Throws DTypeError unless an element of this dtype can be `value`. */
export function needValue(op: string, value: number, dtype: DType): void {
  const range = integerRange[dtype];
  if (range === undefined || (Number.isInteger(value) && value >= range[0] && value <= range[1])) return;
  throw new DTypeError(
    `${op}: a value of dtype ${dtype} must be an integer in [${range}]; got ${value}. Use dtype "f32".`,
  );
}

/** Throws DTypeError unless all dtypes are the same. */
export function needSameDType(op: string, ...got: readonly Aval[]): void {
  const first = got[0];
  if (first === undefined || got.every((aval) => aval.dtype === first.dtype)) return;
  throw new DTypeError(`${op}: dtypes must be equal; got ${listed(got)}. Cast one with .astype(...).`);
}

export function needSameShape(op: string, ...got: readonly Aval[]): void {
  const first = got[0];
  if (first === undefined || got.every((aval) => sameShape(aval.shape, first.shape))) return;
  throw new ShapeError(`${op}: shapes must be equal; got ${listed(got)}. Expand them first.`);
}

export function needIndices(op: string, aval: Aval): void {
  if (aval.dtype === "i32") return;
  throw new DTypeError(`${op}: indices must be i32; got ${formatAval(aval)}. Cast with .astype("i32").`);
}

export function needAxis(op: string, axis: number, rank: number): void {
  if (Number.isInteger(axis) && axis >= 0 && axis < rank) return;
  throw new ShapeError(`${op}: axis must be an integer in [0, ${rank}); got ${axis}.`);
}

/** The shape that had to be told, checked. */
export function toldShape(op: string, told: Told): Shape {
  if (told.shape === undefined) throw new InternalError(`${op}: the shape must be given to make.`);
  if (!told.shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new ShapeError(`${op}: sizes must be integers >= 0; got [${told.shape}].`);
  }
  return told.shape;
}

export function toldDType(op: string, told: Told): DType {
  if (told.dtype === undefined) throw new InternalError(`${op}: the dtype must be given to make.`);
  return told.dtype;
}

/** Throws ShapeError unless `values` has one integer of at least `least` per axis. */
export function needPerAxis(
  op: string,
  name: string,
  values: readonly number[],
  rank: number,
  least: number,
): void {
  if (values.length === rank && values.every((value) => Number.isSafeInteger(value) && value >= least))
    return;
  const bound = least === Number.NEGATIVE_INFINITY ? "" : ` >= ${least}`;
  throw new ShapeError(`${op}: ${name} must hold one integer${bound} per axis (${rank}); got [${values}].`);
}
