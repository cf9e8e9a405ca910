/** randomResizedCrop: a window of random area and shape, brought to one size. */
import { arange, exp, random, sqrt, type Tensor, takeAlongAxis, where } from "../../engine/tensor/index.ts";
import { ConfigError } from "../../util/index.ts";
import {
  type Augmentation,
  type Augmented,
  checkStrength,
  type Draw,
  keyOf,
  sizesOf,
} from "./augmentation.ts";
import { type Interpolation, moveBoxes } from "./warp.ts";

/** A window of each sample, i32 [batch], in pixels. */
export interface Windows {
  readonly top: Tensor;
  readonly left: Tensor;
  readonly height: Tensor;
  readonly width: Tensor;
}

export interface RandomResizedCropOptions {
  /** Height and width of the result; default: those of the image. */
  readonly size?: number | readonly [height: number, width: number];
  /** The window's part of the area; default [0.08, 1]. */
  readonly scale?: readonly [min: number, max: number];
  /** Its width over its height; default [3/4, 4/3]. */
  readonly ratio?: readonly [min: number, max: number];
  /** Default "bilinear"; without a filter against aliasing where the window is larger than the result. */
  readonly interpolation?: Interpolation;
}

const attempts = 10;

/** f32 [batch, attempts] heights and widths, and the attempt that is the first to fit (`none`: no one does). */
export function drawSides(
  draw: Draw,
  batch: number,
  area: number,
  scale: readonly [number, number],
  ratio: readonly [number, number],
  fits: (height: Tensor, width: Tensor) => Tensor,
): { readonly height: Tensor; readonly width: Tensor; readonly none: Tensor } {
  const shape = [batch, attempts];
  const size = random
    .uniform(keyOf(draw, 1), shape)
    .mul(scale[1] - scale[0])
    .add(scale[0])
    .mul(area);
  const logs = [Math.log(ratio[0]), Math.log(ratio[1])] as const;
  const aspect = exp(
    random
      .uniform(keyOf(draw, 2), shape)
      .mul(logs[1] - logs[0])
      .add(logs[0]),
  );
  const [height, width] = [sqrt(size.div(aspect)).round(), sqrt(size.mul(aspect)).round()];
  const good = fits(height, width);
  const first = good.astype("i32").argmax(-1, { keepDims: true });
  const pick = (x: Tensor) => takeAlongAxis(x, first, 1).reshape([batch]);
  return { height: pick(height), width: pick(width), none: pick(good.astype("f32")).eq(0) };
}

/** A place for a side of `length` f32 [batch] within `size`, each as likely. */
export const drawPlace = (key: Tensor, length: Tensor, size: number): Tensor => {
  const spare = length.neg().add(size + 1);
  return random.uniform(key, [length.size]).mul(spare).floor().minimum(spare.sub(1)).astype("i32");
};

function drawWindows(
  draw: Draw,
  [batch, height, width]: readonly [number, number, number],
  scale: readonly [number, number],
  ratio: readonly [number, number],
): Windows {
  const fits = (h: Tensor, w: Tensor) =>
    h.ge(1).logicalAnd(h.le(height)).logicalAnd(w.ge(1)).logicalAnd(w.le(width));
  const sides = drawSides(draw, batch, height * width, scale, ratio, fits);
  // After ten misses the largest window of a permitted shape in the middle.
  const shape = width / height;
  const middle = [
    shape < ratio[0] ? Math.round(width / ratio[0]) : height,
    shape > ratio[1] ? Math.round(height * ratio[1]) : width,
  ] as const;
  const [h, w] = [where(sides.none, middle[0], sides.height), where(sides.none, middle[1], sides.width)];
  const centred = (place: Tensor, length: number, size: number) =>
    where(sides.none, Math.floor((size - length) / 2), place).astype("i32");
  return {
    top: centred(drawPlace(keyOf(draw, 3), h, height), middle[0], height),
    left: centred(drawPlace(keyOf(draw, 4), w, width), middle[1], width),
    height: h.astype("i32"),
    width: w.astype("i32"),
  };
}

/** One axis of x [batch, height, width, ...] from the window (start, length) to `size` places; the window's border goes on outside. */
function resizeAxis(
  x: Tensor,
  axis: 1 | 2,
  start: Tensor,
  length: Tensor,
  size: number,
  interpolation: Interpolation,
): Tensor {
  const batch = x.shape[0] as number;
  const spread = (index: Tensor) =>
    index.reshape(x.shape.map((_, i) => (i === 0 ? batch : i === axis ? size : 1)));
  const read = (place: Tensor) => {
    const inside = place
      .maximum(0)
      .minimum(length.sub(1).reshape([batch, 1]).astype("f32"))
      .astype("i32");
    return takeAlongAxis(x, spread(inside.add(start.reshape([batch, 1]))), axis);
  };
  const ratio = length.astype("f32").div(size).reshape([batch, 1]);
  const steps = arange(size).astype("f32").reshape([1, size]);
  if (interpolation === "nearest") return read(steps.mul(ratio).floor());
  const place = steps.add(0.5).mul(ratio).sub(0.5).maximum(0);
  const low = place.floor();
  const weight = spread(place.sub(low));
  return read(low)
    .mul(weight.neg().add(1))
    .add(read(low.add(1)).mul(weight));
}

/** Windows of x as images of one size, as torchvision's resized_crop without antialias; nearest as its "nearest". */
export function cropAndResize(
  x: Tensor,
  at: Windows,
  [rows, columns]: readonly [number, number],
  interpolation: Interpolation,
): Tensor {
  const narrow = resizeAxis(x, 2, at.left, at.width, columns, interpolation);
  return resizeAxis(narrow, 1, at.top, at.height, rows, interpolation);
}

/** Images, masks and boxes of the windows. */
export function cropAll(
  batch: Augmented,
  at: Windows,
  size: readonly [number, number],
  interpolation: Interpolation,
): Augmented {
  const [, height, width] = sizesOf("randomResizedCrop", batch.images);
  const { masks, boxes } = batch;
  const [w, h] = [at.width.astype("f32"), at.height.astype("f32")];
  const warp = {
    a: w.div(size[1]),
    b: 0,
    tx: at.left
      .astype("f32")
      .add(w.mul(0.5))
      .sub(width / 2),
    c: 0,
    d: h.div(size[0]),
    ty: at.top
      .astype("f32")
      .add(h.mul(0.5))
      .sub(height / 2),
    size,
    steps: false,
  };
  return {
    ...batch,
    images: cropAndResize(batch.images, at, size, interpolation),
    ...(masks && { masks: cropAndResize(masks, at, size, "nearest") }),
    ...(boxes && { boxes: moveBoxes(boxes, warp, [height, width]) }),
  };
}

/**
 * A window whose area and shape are drawn (ten attempts to fit, then the middle), brought to `size`: Szegedy et al., "Going deeper
 * with convolutions", 2015, as torchvision's RandomResizedCrop.
 * @throws ConfigError for scales outside of (0, 1] and ratios that are not above 0.
 * @example augment([randomResizedCrop({ size: 32, scale: [0.5, 1] }), horizontalFlip()]);
 */
export function randomResizedCrop(options: RandomResizedCropOptions = {}): Augmentation {
  const { size, scale = [0.08, 1], ratio = [3 / 4, 4 / 3], interpolation = "bilinear" } = options;
  const name = "randomResizedCrop";
  checkStrength(name, "scale", scale, 1e-6, 1);
  checkStrength(name, "ratio", ratio, 1e-3, 1e3);
  if (interpolation !== "bilinear" && interpolation !== "nearest") {
    throw new ConfigError(
      `${name}: interpolation must be "bilinear" or "nearest"; got ${JSON.stringify(interpolation)}.`,
    );
  }
  return {
    name,
    apply(batch, draw) {
      const [count, height, width] = sizesOf(name, batch.images);
      const result: readonly [number, number] =
        typeof size === "number" ? [size, size] : (size ?? [height, width]);
      return cropAll(batch, drawWindows(draw, [count, height, width], scale, ratio), result, interpolation);
    },
  };
}
