/** Padding: places around a tensor, filled with a number or with what lies inside. */
import { ConfigError, ShapeError } from "../../util/index.ts";
import { formatAval, type PadPair } from "../ir/index.ts";
import { apply, asTensor } from "./apply.ts";
import { broadcastTo, flip } from "./movement.ts";
import { type Range, slice } from "./slicing.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

/** Places before and after each axis; one pair serves all axes; a number is the pair of itself. */
export type Padding = number | PadPair | readonly (number | PadPair)[];

/**
 * What new places hold, shown for [1, 2, 3] with two on each side. "reflect": 3 2 [1 2 3] 2 1, the edge itself not repeated;
 * "replicate": 1 1 [1 2 3] 3 3; "circular": 2 3 [1 2 3] 1 2.
 */
export type PadMode = "reflect" | "replicate" | "circular";

/**
 * x with `fill` around it: a number, or what the mode says of the elements inside. `padding` is `[before, after]` per axis;
 * negative numbers crop.
 * @throws ShapeError where an axis has not enough elements for the mode: more than the padding to reflect, as many for circular, one
 * to replicate.
 * @example pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]])
 * @example pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]], "reflect")
 */
export function pad(x: TensorLike, padding: Padding, fill: number | PadMode = 0): Tensor {
  const tensor = asTensor(x);
  const pairs = padPairs(tensor, padding);
  if (typeof fill !== "number") return pairs.reduce((y, pair, axis) => edges(y, axis, pair, fill), tensor);
  const lo = pairs.map(([before]) => before);
  const hi = pairs.map(([, after]) => after);
  return apply("pad", [tensor], { lo, hi, interior: lo.map(() => 0), value: fill });
}

function padPairs(x: Tensor, padding: Padding): PadPair[] {
  const asPair = (item: number | PadPair): PadPair => (typeof item === "number" ? [item, item] : item);
  if (typeof padding === "number") return x.shape.map(() => [padding, padding]);
  const list = padding as readonly (number | PadPair)[];
  const single = list.length === 2 && list.every((item) => typeof item === "number");
  if (single) return x.shape.map(() => list as PadPair);
  if (list.length !== x.ndim) {
    throw new ShapeError(
      `pad: there must be a pair per axis; got ${list.length} for ${formatAval(x.node.aval)}.`,
    );
  }
  return list.map(asPair);
}

/** Where the places before and after an axis are read from, and how many elements that takes. */
type Sources = (
  size: number,
  before: number,
  after: number,
) => { before: number; after: number; least: number };

const sources: Readonly<Record<PadMode, Sources>> = {
  reflect: (size, before, after) => ({
    before: 1,
    after: size - 1 - after,
    least: Math.max(before, after) + 1,
  }),
  replicate: (size) => ({ before: 0, after: size - 1, least: 1 }),
  circular: (size, before, after) => ({ before: size - before, after: 0, least: Math.max(before, after) }),
};

/** One axis: what comes before, the elements themselves, what comes after. */
function edges(x: Tensor, axis: number, [before, after]: PadPair, mode: PadMode): Tensor {
  if (!Object.hasOwn(sources, mode)) {
    throw new ConfigError(
      `pad: the mode must be "reflect", "replicate" or "circular"; got ${JSON.stringify(mode)}.`,
    );
  }
  const size = x.shape[axis] as number;
  const part = (start: number, stop: number): Tensor =>
    slice(x, ...x.shape.map((_, other): Range => (other === axis ? [start, stop] : [])));
  const inside = part(Math.max(0, -before), size - Math.max(0, -after));
  if (before <= 0 && after <= 0) return inside;
  const source = sources[mode](size, before, after);
  if (size < source.least) {
    throw new ShapeError(
      `pad: axis ${axis} must have at least ${source.least} elements for ${mode} padding by ${before} and ${after}; got ${formatAval(x.node.aval)}.`,
    );
  }
  const outside = (count: number, start: number): Tensor[] => {
    if (count <= 0) return [];
    if (mode !== "replicate") {
      const piece = part(start, start + count);
      return [mode === "reflect" ? flip(piece, axis) : piece];
    }
    const shape = x.shape.map((own, other) => (other === axis ? count : own));
    return [broadcastTo(part(start, start + 1), shape)];
  };
  const pieces = [...outside(before, source.before), inside, ...outside(after, source.after)];
  return apply("concat", pieces, { axis });
}
