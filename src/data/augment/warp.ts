/** Warps: for each place of the result, where in the image it is read; neighbours compose, so that pixels are resampled once. */
import { arange, stack, type Tensor, take, where } from "../../engine/tensor/index.ts";
import { formatShape, ShapeError } from "../../util/index.ts";
import type { Augmented } from "./augmentation.ts";

export type Interpolation = "nearest" | "bilinear";

/**
 * x = a x' + b y' + tx, y = c x' + d y' + ty: from the result (x', y') to the image, both from the centre, in pixels; f32 [batch] or
 * one number for all. `steps` says that a and d are 1 or -1 and b and c 0, so that pixels fall onto pixels.
 */
export interface Warp {
  readonly a: Entry;
  readonly b: Entry;
  readonly tx: Entry;
  readonly c: Entry;
  readonly d: Entry;
  readonly ty: Entry;
  /** Height and width of the result. */
  readonly size: readonly [number, number];
  readonly steps: boolean;
}

export type Entry = number | Tensor;

/** Numbers stay numbers, and 0 and 1 take no work. */
export function times(x: Entry, y: Entry): Entry {
  if (x === 0 || y === 0) return 0;
  if (x === 1) return y;
  if (y === 1) return x;
  if (typeof x === "number") return typeof y === "number" ? x * y : y.mul(x);
  return x.mul(y);
}
export function plus(x: Entry, y: Entry): Entry {
  if (x === 0) return y;
  if (y === 0) return x;
  if (typeof x === "number") return typeof y === "number" ? x + y : y.add(x);
  return x.add(y);
}

/** First one warp, then the other. */
export function composed(first: Warp, then: Warp): Warp {
  const row = (p: Entry, q: Entry, t: Entry): [Entry, Entry, Entry] => [
    plus(times(p, then.a), times(q, then.c)),
    plus(times(p, then.b), times(q, then.d)),
    plus(plus(times(p, then.tx), times(q, then.ty)), t),
  ];
  const [a, b, tx] = row(first.a, first.b, first.tx);
  const [c, d, ty] = row(first.c, first.d, first.ty);
  return { a, b, tx, c, d, ty, size: then.size, steps: first.steps && then.steps };
}

const along = (value: Entry, batch: number): Entry =>
  typeof value === "number" ? value : value.reshape([batch, 1, 1]);

/** Where each place of the result is read: x and y f32, broadcastable to [batch, height, width], in pixels of which 0 is the first's centre. */
function placesOf(warp: Warp, batch: number, height: number, width: number): readonly [x: Tensor, y: Tensor] {
  const [rows, columns] = warp.size;
  const x = arange(columns)
    .astype("f32")
    .sub((columns - 1) / 2)
    .reshape([1, 1, columns]);
  const y = arange(rows)
    .astype("f32")
    .sub((rows - 1) / 2)
    .reshape([1, rows, 1]);
  const line = (p: Entry, q: Entry, t: Entry, middle: number): Tensor => {
    const [ap, aq, at] = [along(p, batch), along(q, batch), along(t, batch)];
    const sum = plus(plus(times(ap, x), times(aq, y)), at);
    return plus(sum, middle) as Tensor;
  };
  return [line(warp.a, warp.b, warp.tx, (width - 1) / 2), line(warp.c, warp.d, warp.ty, (height - 1) / 2)];
}

/** Far enough outside that a place with one such part is negative, and near enough that two fit i32. */
const OUTSIDE = -(2 ** 30);

/** Pixels at whole places, `fill` outside: x [batch, height, width, ...], places broadcastable to [batch, rows, columns]. */
function at(x: Tensor, column: Tensor, row: Tensor, fill: number): Tensor {
  const [batch = 0, height = 0, width = 0, ...rest] = x.shape;
  if (batch * height * width > -OUTSIDE) {
    throw new ShapeError(`augment: a batch must have at most 2^30 pixels; got ${formatShape(x.shape)}.`);
  }
  const start = arange(batch)
    .mul(height * width)
    .reshape([batch, 1, 1]);
  // Kept in range before the cast: a place far outside would not fit i32.
  const part = (place: Tensor, size: number, inside: (whole: Tensor) => Tensor) =>
    where(place.ge(0).logicalAnd(place.lt(size)), inside(place.clip(0, size - 1).astype("i32")), OUTSIDE);
  const index = part(row, height, (r) => r.mul(width).add(start)).add(part(column, width, (c) => c));
  return take(x.reshape([batch * height * width, ...rest]), index, 0, { fill });
}

/**
 * The pixels of x [batch, height, width, ...] that the warp reads. Outside lies `fill`: bilinear ones blend with it at the border.
 * A warp that moves nothing gives the same bits.
 */
export function resample(x: Tensor, warp: Warp, interpolation: Interpolation, fill: number): Tensor {
  const [batch = 0, height = 0, width = 0] = x.shape;
  const [column, row] = placesOf(warp, batch, height, width);
  // Halves are rounded up: only by rounding errors do places of a `steps` warp differ from whole ones.
  if (warp.steps || interpolation === "nearest") {
    const whole = (place: Tensor) => (warp.steps ? place.add(0.5).floor() : place.round());
    return at(x, whole(column), whole(row), fill);
  }
  const [left, top] = [column.floor(), row.floor()];
  const channels = (weight: Tensor) => weight.reshape([...weight.shape, ...x.shape.slice(3).map(() => 1)]);
  const [wx, wy] = [channels(column.sub(left)), channels(row.sub(top))];
  const blend = (p: Tensor, q: Tensor, w: Tensor) => p.mul(w.neg().add(1)).add(q.mul(w));
  const line = (r: Tensor) => blend(at(x, left, r, fill), at(x, left.add(1), r, fill), wx);
  return blend(line(top), line(top.add(1)), wy);
}

/** Boxes of the image in the result: the least that hold their four corners, cut at its border. */
export function moveBoxes(boxes: Tensor, warp: Warp, from: readonly [height: number, width: number]): Tensor {
  const [batch = 0, , four] = boxes.shape;
  if (boxes.ndim !== 3 || four !== 4) {
    throw new ShapeError(`augment: boxes must be [batch, boxes, 4]; got ${formatShape(boxes.shape)}.`);
  }
  const [left, top, right, bottom] = boxes.split(4, 2).map((part) => part.squeeze(2)) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const [a, b, tx, c, d, ty] = [warp.a, warp.b, warp.tx, warp.c, warp.d, warp.ty].map((entry) =>
    typeof entry === "number" ? entry : entry.reshape([batch, 1]),
  ) as [Entry, Entry, Entry, Entry, Entry, Entry];
  const minus = (p: Entry, q: Entry): Entry => plus(p, times(-1, q));
  const determinant = minus(times(a, d), times(b, c));
  const [height, width] = warp.size;
  // The inverse: the warp says where the result is read, boxes ask where the image goes.
  const corners = [left, right].flatMap((cornerX) =>
    [top, bottom].map((cornerY) => {
      const x = minus(cornerX.sub(from[1] / 2), tx);
      const y = minus(cornerY.sub(from[0] / 2), ty);
      const over = (value: Entry, middle: number): Tensor => (value as Tensor).div(determinant).add(middle);
      return [
        over(minus(times(d, x), times(b, y)), width / 2).clip(0, width),
        over(minus(times(a, y), times(c, x)), height / 2).clip(0, height),
      ] as const;
    }),
  );
  const least = (i: 0 | 1) => corners.map((corner) => corner[i]).reduce((m, v) => m.minimum(v));
  const most = (i: 0 | 1) => corners.map((corner) => corner[i]).reduce((m, v) => m.maximum(v));
  return stack([least(0), least(1), most(0), most(1)], 2);
}

export interface WarpOptions {
  /** Default "bilinear". */
  readonly interpolation?: Interpolation;
  /** What lies outside of the image; default 0. */
  readonly fill?: number;
  /** What lies outside of a mask; default 0. */
  readonly maskFill?: number;
}

/** Images, masks (nearest) and boxes, moved alike. */
export function warpAll(batch: Augmented, warp: Warp, options: WarpOptions): Augmented {
  const { interpolation = "bilinear", fill = 0, maskFill = 0 } = options;
  const { images, masks, boxes } = batch;
  const [, height = 0, width = 0] = images.shape;
  return {
    ...batch,
    images: resample(images, warp, interpolation, fill),
    ...(masks && { masks: resample(masks, warp, "nearest", maskFill).astype(masks.dtype) }),
    ...(boxes && { boxes: moveBoxes(boxes, warp, [height, width]) }),
  };
}
