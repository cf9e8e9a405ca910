/** Flips, rotation, scale, translation, shear, their affine union, and padded crops: warps drawn for each sample. */
import { random, type Scheduled, type Tensor, where } from "../../engine/tensor/index.ts";
import { ConfigError, ShapeError } from "../../util/index.ts";
import {
  type Augmentation,
  around0,
  around1,
  checkProbability,
  checkStrength,
  chosen,
  type Draw,
  keyOf,
  type ProbabilityOptions,
  type Strength,
  sizesOf,
} from "./augmentation.ts";
import { composed, type Entry, plus, times, type Warp, type WarpOptions, warpAll } from "./warp.ts";

/** An augmentation that moves pixels: those next to each other in a pipeline, with the same options, resample once. */
export interface Geometric extends Augmentation {
  readonly options: WarpOptions;
  warp(batch: number, height: number, width: number, draw: Draw): Warp;
}

export const isGeometric = (augmentation: Augmentation): augmentation is Geometric => "warp" in augmentation;

/** Runs geometric augmentations, each with a draw of its own, as one warp. */
export function warpRun(
  run: readonly Geometric[],
  draws: readonly Draw[],
): (batch: Parameters<Augmentation["apply"]>[0]) => ReturnType<Augmentation["apply"]> {
  return (batch) => {
    const [first] = run;
    const [count, height, width] = sizesOf(first?.name ?? "augment", batch.images);
    let warp: Warp | null = null;
    for (const [i, one] of run.entries()) {
      const [rows, columns]: readonly [number, number] = warp?.size ?? [height, width];
      const next: Warp = one.warp(count, rows, columns, draws[i] as Draw);
      warp = warp === null ? next : composed(warp, next);
    }
    return warp === null
      ? batch
      : warpAll(
          batch,
          warp,
          (run.find(({ options }) => Object.keys(options).length > 0) ?? first)?.options ?? {},
        );
  };
}

function geometric(name: string, options: WarpOptions, warp: Geometric["warp"]): Geometric {
  const { interpolation = "bilinear" } = options;
  if (interpolation !== "bilinear" && interpolation !== "nearest") {
    throw new ConfigError(
      `${name}: interpolation must be "bilinear" or "nearest"; got ${JSON.stringify(interpolation)}.`,
    );
  }
  const self: Geometric = { name, options, warp, apply: (batch, draw) => warpRun([self], [draw])(batch) };
  return self;
}

/** Parameters of an affine transform as torchvision has them; angles in degrees, clockwise; f32 [batch] or numbers. */
export interface AffineParameters {
  readonly angle?: Tensor | number;
  readonly translate?: readonly [x: Tensor | number, y: Tensor | number];
  readonly scale?: Tensor | number;
  readonly shear?: readonly [x: Tensor | number, y: Tensor | number];
}

const radians = Math.PI / 180;
const of = (value: Entry, inNumbers: (x: number) => number, inTensors: (x: Tensor) => Tensor): Entry =>
  typeof value === "number" ? inNumbers(value) : inTensors(value);

const cos = (x: Entry) =>
  of(
    x,
    (v) => Math.cos(v * radians),
    (v) => v.mul(radians).cos(),
  );
const sin = (x: Entry) =>
  of(
    x,
    (v) => Math.sin(v * radians),
    (v) => v.mul(radians).sin(),
  );
const tan = (x: Entry) =>
  of(
    x,
    (v) => Math.tan(v * radians),
    (v) => v.mul(radians).tan(),
  );
const inverse = (x: Entry) =>
  of(
    x,
    (v) => 1 / v,
    (v) => v.reciprocal(),
  );
const negative = (x: Entry) =>
  of(
    x,
    (v) => (v === 0 ? 0 : -v),
    (v) => v.neg(),
  );
/**
 * The warp of T(translate) R(angle) S(scale) Shear about the centre, in torchvision's convention: the inverse of
 * scale [[cos(r - y) / cos y, -cos(r - y) tan x / cos y - sin r], [sin(r - y) / cos y, -sin(r - y) tan x / cos y + cos r]].
 */
export function affineWarp(
  { angle = 0, translate: [tx, ty] = [0, 0], scale = 1, shear: [sx, sy] = [0, 0] }: AffineParameters,
  size: readonly [number, number],
): Warp {
  const turned = plus(angle, negative(sy));
  const a = times(cos(turned), inverse(cos(sy)));
  const b = plus(negative(times(a, tan(sx))), negative(sin(angle)));
  const c = times(sin(turned), inverse(cos(sy)));
  const d = plus(negative(times(c, tan(sx))), cos(angle));
  const smaller = inverse(scale);
  const entries = {
    a: times(d, smaller),
    b: times(negative(b), smaller),
    c: times(negative(c), smaller),
    d: times(a, smaller),
  };
  const back = (p: Entry, q: Entry) => negative(plus(times(p, tx), times(q, ty)));
  return { ...entries, tx: back(entries.a, entries.b), ty: back(entries.c, entries.d), size, steps: false };
}

/** Where not chosen, what changes nothing. */
const orElse = (yes: Tensor, value: Entry, none: number): Entry =>
  value === none ? none : where(yes, value, none);

export interface AffineOptions extends WarpOptions, ProbabilityOptions {
  /** Degrees; a number d stands for [-d, d]. Default 0. */
  readonly rotate?: Strength;
  /** Factors: a number s stands for [1 - s, 1 + s]. Default 0. */
  readonly scale?: Strength;
  /** Parts of width and of height: a number t stands for [-t, t]. Default 0. */
  readonly translate?: Strength;
  /** Degrees, across and along: a number d stands for [-d, d]. Default 0. */
  readonly shear?: Strength;
}

/**
 * Rotation, scale, translation and shear in one, each drawn uniformly for each sample, as torchvision's RandomAffine (translations are
 * not rounded to whole pixels).
 * @throws ConfigError for strengths out of range.
 * @example augment([affine({ rotate: 10, scale: [0.9, 1.1], translate: 0.1, shear: 5 })]);
 */
export function affine(options: AffineOptions): Geometric {
  const {
    rotate: r = 0,
    scale: s = 0,
    translate: t = 0,
    shear: h = 0,
    probability = 1,
    ...warping
  } = options;
  return drawnAffine("affine", { r, s, t, h }, probability, warping);
}

function drawnAffine(
  name: string,
  {
    r = 0,
    s = 0,
    t = 0,
    h = 0,
  }: { readonly r?: Strength; readonly s?: Strength; readonly t?: Strength; readonly h?: Strength },
  probability: Scheduled,
  options: WarpOptions,
): Geometric {
  checkProbability(name, probability);
  checkStrength(name, "rotate", r, Array.isArray(r) ? -360 : 0, 360);
  checkStrength(name, "scale", s, Array.isArray(s) ? 1e-3 : 0, Array.isArray(s) ? 1e3 : 0.999);
  checkStrength(name, "translate", t, Array.isArray(t) ? -1 : 0, 1);
  checkStrength(name, "shear", h, Array.isArray(h) ? -89 : 0, 89);
  return geometric(name, options, (batch, height, width, draw) => {
    const yes = probability === 1 ? null : chosen(name, draw, probability, batch);
    const keep = (value: Entry, none: number): Entry => (yes === null ? value : orElse(yes, value, none));
    const shift = (i: number, size: number): Entry =>
      t === 0 ? 0 : keep(around0(name, t, draw, i, batch).mul(size), 0);
    const lean = (i: number): Entry => (h === 0 ? 0 : keep(around0(name, h, draw, i, batch), 0));
    const parameters: AffineParameters = {
      angle: r === 0 ? 0 : keep(around0(name, r, draw, 1, batch), 0),
      scale: s === 0 ? 1 : keep(around1(name, s, draw, 2, batch), 1),
      translate: [shift(3, width), shift(4, height)],
      shear: [lean(5), lean(6)],
    };
    return affineWarp(parameters, [height, width]);
  });
}

type MoveOptions = WarpOptions & ProbabilityOptions;
const single =
  (name: string, letter: "r" | "s" | "t" | "h") =>
  (strength: Strength, { probability = 1, ...options }: MoveOptions = {}): Geometric =>
    drawnAffine(name, { [letter]: strength }, probability, options);

/** Turns by up to so many degrees either way, or by a range of them. */
export const rotate = single("rotate", "r");
/** Enlarges by a factor from [1 - s, 1 + s], or from a range. */
export const scale = single("scale", "s");
/** Moves by up to this part of width and of height, or by a range of parts. */
export const translate = single("translate", "t");
/** Slants by up to so many degrees across and along, or by a range of them. */
export const shear = single("shear", "h");

function flip(name: string, across: boolean, { probability = 0.5 }: ProbabilityOptions): Geometric {
  checkProbability(name, probability);
  return geometric(name, {}, (batch, height, width, draw) => {
    const sign = where(chosen(name, draw, probability, batch), -1, 1).astype("f32");
    const [a, d]: [Entry, Entry] = across ? [sign, 1] : [1, sign];
    return { a, b: 0, tx: 0, c: 0, d, ty: 0, size: [height, width], steps: true };
  });
}

/** Left and right change places, by default in half of the samples. */
export const horizontalFlip = (options: ProbabilityOptions = {}): Geometric =>
  flip("horizontalFlip", true, options);
/** Top and bottom change places, by default in half of the samples. */
export const verticalFlip = (options: ProbabilityOptions = {}): Geometric =>
  flip("verticalFlip", false, options);

export interface RandomCropOptions extends WarpOptions {
  /** Height and width; default: those of the image. */
  readonly size?: number | readonly [height: number, width: number];
  /** Pixels of `fill` on each side before; default 0. */
  readonly padding?: number;
}

/** The warp of the crop at (top, left), i32 [batch], of the padded image. */
export function cropWarp(
  [top, left]: readonly [Entry, Entry],
  padding: number,
  [height, width]: readonly [number, number],
  size: readonly [number, number],
): Warp {
  const float = (x: Entry): Entry => (typeof x === "number" ? x : x.astype("f32"));
  return {
    a: 1,
    b: 0,
    tx: plus(float(left), (size[1] - width) / 2 - padding),
    c: 0,
    d: 1,
    ty: plus(float(top), (size[0] - height) / 2 - padding),
    size,
    steps: true,
  };
}

/**
 * A window of `size` at a place drawn uniformly from the image padded on each side, as torchvision's RandomCrop.
 * @throws ConfigError for a padding that is no whole number of at least 0; ShapeError where the window does not fit.
 * @example augment([randomCrop({ padding: 4 }), horizontalFlip()]); // He et al. 2016, on CIFAR-10
 */
export function randomCrop({ size, padding = 0, ...options }: RandomCropOptions): Geometric {
  if (!Number.isInteger(padding) || padding < 0) {
    throw new ConfigError(`randomCrop: padding must be a whole number of at least 0; got ${padding}.`);
  }
  return geometric("randomCrop", options, (batch, height, width, draw) => {
    const [rows, columns] = typeof size === "number" ? [size, size] : (size ?? [height, width]);
    const [spareY, spareX] = [height + 2 * padding - rows, width + 2 * padding - columns];
    if (spareY < 0 || spareX < 0) {
      throw new ShapeError(
        `randomCrop: the window must fit the padded image; got ${rows} x ${columns} of ${height} x ${width} with padding ${padding}.`,
      );
    }
    const place = (i: number, spare: number): Entry =>
      spare === 0 ? 0 : random.randint(keyOf(draw, i), [batch], 0, spare + 1);
    return cropWarp([place(1, spareY), place(2, spareX)], padding, [height, width], [rows, columns]);
  });
}
