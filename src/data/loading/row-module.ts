/** Rows made by a function of a module file: loaded in this thread or in workers, since functions cannot be sent to one. */
import { DataError } from "../../util/index.ts";
import type { EpochSeed } from "../dataset.ts";
import type { HostArray, NestedNumbers, NumberArray } from "../host.ts";
import { toHostArray } from "../host.ts";
import { generator } from "../shuffle.ts";

/** One row of x or y: a number, nested lists, a typed array, or values with their shape. */
export type RowValue =
  | number
  | NestedNumbers
  | NumberArray
  | { readonly data: NumberArray | readonly number[]; readonly shape: readonly number[] };

/** What a row function's randomness is to come from: equal for equal (seed, epoch, row), whoever makes the row and when. */
export interface RowSeed extends EpochSeed {
  readonly row: number;
  /** Uniform in [0, 1), from a generator of the row's own. */
  random(): number;
}

export type RowFunction = (
  row: number,
  at: RowSeed,
) => { x: RowValue; y: RowValue } | Promise<{ x: RowValue; y: RowValue }>;

/** What `rowSource` sends to workers. */
export interface RowModule {
  /** URL of the file. */
  readonly href: string;
  readonly name: string;
  readonly options: unknown;
}

/** What every row of a source is. */
export interface RowLayout {
  readonly dtype: HostArray["dtype"];
  readonly shape: readonly number[];
}

export interface Row {
  readonly x: HostArray;
  readonly y: HostArray;
}

const rowStream = 0x726f7773;

/** Makes rows by number, checked. */
export type RowMaker = (row: number, at: EpochSeed) => Promise<Row>;

/** Imports the module and opens its export. Throws DataError when that gives no function. */
export async function openRows({ href, name, options }: RowModule): Promise<RowMaker> {
  const exports = (await import(/* @vite-ignore */ href)) as Record<string, unknown>;
  const open = exports[name];
  if (typeof open !== "function") {
    throw new DataError(
      `rowSource: ${href} must export a function "${name}" that gives the row function; it exports ${Object.keys(exports).join(", ") || "nothing"}.`,
    );
  }
  const rowFunction: unknown = await open(options);
  if (typeof rowFunction !== "function") {
    throw new DataError(
      `rowSource: "${name}" of ${href} must give a function (row, at) => { x, y }; got ${typeof rowFunction}.`,
    );
  }
  return async (row, { seed, epoch }) => {
    const random = generator(seed, epoch, rowStream, row);
    const made: unknown = await rowFunction(row, { seed, epoch, row, random: () => random() / 0x100000000 });
    if (typeof made !== "object" || made === null || !("x" in made) || !("y" in made))
      throw new DataError(
        `rowSource: the row function must give { x, y }; of row ${row} it gave ${typeof made}.`,
      );
    return { x: toRow(made.x, `row ${row}: x`, false), y: toRow(made.y, `row ${row}: y`, true) };
  };
}

/** A row's values; a single whole number is a label where labels may be. */
function toRow(value: unknown, name: string, labels: boolean): HostArray {
  if (typeof value !== "number") return toHostArray(value as NestedNumbers, name, labels);
  const { dtype, data } = toHostArray([value], name, labels);
  return dtype === "i32" ? { dtype, shape: [], data } : { dtype, shape: [], data };
}

export const layoutOf = ({ dtype, shape }: HostArray): RowLayout => ({ dtype, shape });

export const sizeOfLayout = ({ shape }: RowLayout): number => shape.reduce((size, axis) => size * axis, 1);

/** Writes a row's values at `start` of `into`. Throws DataError unless they are like the first row's. */
export function writeRow(
  values: HostArray,
  layout: RowLayout,
  into: Float32Array | Int32Array,
  start: number,
  name: string,
): void {
  const fits =
    values.shape.length === layout.shape.length &&
    values.shape.every((axis, i) => axis === layout.shape[i]) &&
    // Whole numbers among others are the others' kind.
    (values.dtype === layout.dtype || layout.dtype === "f32");
  if (!fits) {
    const hint = values.dtype === "f32" && layout.dtype === "i32" ? " Give floats as a Float32Array." : "";
    throw new DataError(
      `${name} must be ${layout.dtype}[${layout.shape}] as in the first row asked for; got ${values.dtype}[${values.shape}].${hint}`,
    );
  }
  into.set(values.data, start);
}
