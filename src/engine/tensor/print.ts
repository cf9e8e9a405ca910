/** Values as nested arrays and as text in NumPy's style. */
import type { Shape } from "../../util/index.ts";
import { type DType, isFloat } from "../ir/index.ts";
import type { TypedArray } from "./decode.ts";

export type NestedNumbers = number | NestedNumbers[];

/** Row-major elements as nested arrays. */
export function nest(values: ArrayLike<number>, shape: Shape): NestedNumbers {
  let at = 0;
  const build = (axis: number): NestedNumbers =>
    axis === shape.length
      ? (values[at++] as number)
      : Array.from({ length: shape[axis] as number }, () => build(axis + 1));
  return build(0);
}

/** Above this many elements the middle of long axes is left out. */
const THRESHOLD = 1000;
/** How many elements stay at each end of an axis then. */
const EDGE = 3;

/** `[[1, 2], [3, 4]]`, one row a line, numbers aligned. */
export function formatValues(values: TypedArray, shape: Shape, dtype: DType): string {
  const shorten = values.length > THRESHOLD;
  const shown = (size: number): (number | null)[] =>
    shorten && size > 2 * EDGE
      ? [0, 1, 2, null, size - 3, size - 2, size - 1]
      : Array.from({ length: size }, (_, index) => index);
  const places = shape.map(shown);
  const numbers: number[] = [];
  const collect = (axis: number, offset: number): void => {
    if (axis === shape.length) {
      numbers.push(values[offset] as number);
      return;
    }
    for (const index of places[axis] as (number | null)[]) {
      if (index !== null) collect(axis + 1, offset * (shape[axis] as number) + index);
    }
  };
  collect(0, 0);
  const texts = formatNumbers(numbers, dtype);
  const width = Math.max(0, ...texts.map((text) => text.length));
  let at = 0;
  const write = (axis: number, indent: number): string => {
    if (axis === shape.length) return (texts[at++] as string).padStart(shape.length === 0 ? 0 : width);
    const last = axis === shape.length - 1;
    const items = (places[axis] as (number | null)[]).map((index) =>
      index === null ? "..." : write(axis + 1, indent + 1),
    );
    const separator = last ? ", " : `,${"\n".repeat(shape.length - 1 - axis)}${" ".repeat(indent + 1)}`;
    return `[${items.join(separator)}]`;
  };
  return write(0, 0);
}

/** One style for all: integers plainly; floats with up to 4 decimals, or exponents when they differ too much. */
function formatNumbers(numbers: readonly number[], dtype: DType): string[] {
  if (dtype === "bool") return numbers.map((value) => (value === 0 ? "false" : "true"));
  if (!isFloat(dtype)) return numbers.map(String);
  const finite = numbers.filter(Number.isFinite).map(Math.abs);
  const nonZero = finite.filter((value) => value > 0);
  const [largest, smallest] = [Math.max(0, ...finite), Math.min(Number.POSITIVE_INFINITY, ...nonZero)];
  const scientific = largest >= 1e8 || (nonZero.length > 0 && (smallest < 1e-4 || largest / smallest > 1e6));
  const text = (value: number) => (scientific ? value.toExponential(4) : value.toFixed(4));
  const trimmed = (value: number) => text(value).replace(/\.?0+(?=e|$)/, "");
  const decimals = Math.max(
    0,
    ...numbers
      .filter(Number.isFinite)
      .map((value) => /\.(\d+)/.exec(scientific ? trimmed(value) : trimmed(value))?.[1]?.length ?? 0),
  );
  return numbers.map((value) => {
    if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "Inf" : "-Inf";
    return scientific ? value.toExponential(decimals) : value.toFixed(decimals);
  });
}
