/** Where windows lie along the spatial axes of an image. */
import { ConfigError, ShapeError } from "../../util/index.ts";
import type { PadPair } from "../ir/index.ts";

/** One number for all spatial axes or one each. */
export type PerAxis = number | readonly number[];

/**
 * "valid": none. "same": as many zeros as make the output ceil(size / stride) long, the odd one after (as TensorFlow).
 * A number: that many on each side. Else `[before, after]` per spatial axis.
 */
export type ConvPadding = "valid" | "same" | number | readonly (number | PadPair)[];

export function perAxis(op: string, name: string, value: PerAxis, rank: number): number[] {
  const list = typeof value === "number" ? new Array<number>(rank).fill(value) : [...value];
  if (list.length !== rank) {
    throw new ShapeError(`${op}: ${name} must be a number or one per spatial axis (${rank}); got [${list}].`);
  }
  return list;
}

/** Windows along the spatial axes of an image. */
export interface Geometry {
  readonly sizes: readonly number[];
  readonly window: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
}

/**
 * The places before and after each spatial axis that a padding stands for, in numbers.
 * @throws ConfigError for a padding that is none, or not one for each axis.
 * @example resolvePadding("conv", "same", { sizes: [32], window: [3], stride: [2], dilation: [1] }) // [[0, 1]]
 */
export function resolvePadding(
  op: string,
  padding: ConvPadding,
  { sizes, window, stride, dilation }: Geometry,
): PadPair[] {
  if (padding === "valid") return sizes.map(() => [0, 0]);
  if (typeof padding === "number") return sizes.map(() => [padding, padding]);
  if (padding === "same") {
    return sizes.map((size, i) => {
      const [step, reach] = [stride[i] as number, ((window[i] as number) - 1) * (dilation[i] as number) + 1];
      const total = Math.max(0, (Math.ceil(size / step) - 1) * step + reach - size);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    });
  }
  if (!Array.isArray(padding) || padding.length !== sizes.length) {
    throw new ConfigError(
      `${op}: padding must be "valid", "same", a number or a pair per spatial axis (${sizes.length}); got ${JSON.stringify(padding)}.`,
    );
  }
  return padding.map((item) => (typeof item === "number" ? [item, item] : item));
}
