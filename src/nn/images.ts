/** What layers over images and sequences check alike: sizes when they are made, shapes when they run. */
import type { Geometry, PerAxis, Tensor } from "../engine/tensor/index.ts";
import { ConfigError, formatShape, ShapeError } from "../util/index.ts";

/** Places before and after a spatial axis. */
export type Pair = readonly [before: number, after: number];

const spatialNames: Readonly<Record<number, string>> = {
  1: "length, ",
  2: "height, width, ",
  3: "depth, height, width, ",
};

/** One whole number of at least `least` for each of `rank` spatial axes. Throws ConfigError. */
export function perSpatial(op: string, name: string, value: PerAxis, rank: number, least: number): number[] {
  const list = typeof value === "number" ? new Array<number>(rank).fill(value) : [...value];
  if (list.length === rank && list.every((size) => Number.isInteger(size) && size >= least)) return list;
  throw new ConfigError(
    `${op}: ${name} must be a whole number of at least ${least}, or one per spatial axis (${rank}); got ${JSON.stringify(value)}.`,
  );
}

/** Throws ConfigError unless `value` is a positive integer. */
export function positive(op: string, name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new ConfigError(`${op}: ${name} must be a positive integer; got ${value}.`);
}

/** Throws ShapeError unless x is [batch, ...spatial, channels], with these channels unless null. */
export function needImage(label: string, x: Tensor, rank: number, channels: number | null): void {
  const { shape } = x;
  if (shape.length === rank + 2 && (channels === null || shape.at(-1) === channels)) return;
  const names = spatialNames[rank] ?? "...spatial, ";
  const got = `${x.dtype}${formatShape(shape)}`;
  const hint =
    shape.length === rank + 1 && (channels === null || shape.at(-1) === channels)
      ? " Add the batch with .unsqueeze(0)."
      : shape.length === rank + 2 && shape[1] === channels
        ? ` Channels come last here: ${channelsLast(rank)}.`
        : "";
  throw new ShapeError(
    `${label}: input must be [batch, ${names}${channels ?? "channels"}]; got ${got}.${hint}`,
  );
}

const channelsLast = (rank: number): string =>
  `.permute([0, ${Array.from({ length: rank }, (_, axis) => axis + 2).join(", ")}, 1])`;

/** Throws ShapeError unless at least one window fits on each axis. `what` is what the layer calls a window. */
export function needWindows(
  label: string,
  what: string,
  x: Tensor,
  padding: readonly Pair[],
  { sizes, window, stride, dilation }: Geometry,
): void {
  const left = sizes.map((size, axis) => {
    const [before, after] = padding[axis] as Pair;
    const reach = ((window[axis] as number) - 1) * (dilation[axis] as number) + 1;
    return Math.floor((size + before + after - reach) / (stride[axis] as number)) + 1;
  });
  if (left.every((size) => size >= 1)) return;
  const spread = dilation.some((step) => step > 1) ? ` (dilation ${formatShape(dilation)})` : "";
  throw new ShapeError(
    `${label}: the ${what} must fit the padded input; got ${what} ${formatShape(window)}${spread} on ${x.dtype}${formatShape(x.shape)}, which leaves ${formatShape(left)}.`,
  );
}
