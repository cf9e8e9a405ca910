/** randAugment and trivialAugment: for each sample operations drawn from fourteen, with torchvision's magnitudes. */
import { random, type Tensor, where } from "../../engine/tensor/index.ts";
import { ConfigError } from "../../util/index.ts";
import { type Augmentation, type Augmented, type Draw, keyOf, perImage, sizesOf } from "./augmentation.ts";
import { blended, luma } from "./colour.ts";
import { affineWarp } from "./geometric.ts";
import { smoothed } from "./neighbours.ts";
import { autocontrasted, equalized, posterized, solarized } from "./tone.ts";
import { type WarpOptions, warpAll } from "./warp.ts";

/** What is drawn from, in torchvision's order. */
export const operations = [
  ...[
    "identity",
    "shearX",
    "shearY",
    "translateX",
    "translateY",
    "rotate",
    "brightness",
    "color",
    "contrast",
  ],
  ...["sharpness", "posterize", "solarize", "autoContrast", "equalize"],
] as const;

/** Where each operation's strength ends at the largest magnitude. */
export interface Space {
  readonly shear: number;
  /** Pixels across and along. */
  readonly translate: readonly [x: number, y: number];
  readonly degrees: number;
  readonly factor: number;
  /** How many of the eight bits go. */
  readonly bits: number;
}

export const randAugmentSpace = (height: number, width: number): Space => ({
  shear: 0.3,
  translate: [(150 / 331) * width, (150 / 331) * height],
  degrees: 30,
  factor: 0.9,
  bits: 4,
});
export const trivialAugmentSpace: Space = {
  shear: 0.99,
  translate: [32, 32],
  degrees: 135,
  factor: 0.99,
  bits: 6,
};

/** One operation for each sample: its number i32 [batch], the part of the largest magnitude f32 [batch] in [0, 1], its sign -1 or 1. */
export interface Choice {
  readonly operation: Tensor;
  readonly part: Tensor;
  readonly sign: Tensor;
}

/** Applies each sample's operation to images in [0, 1], and to masks and boxes where it moves pixels. */
export function applyChoice(
  batch: Augmented,
  { operation, part, sign }: Choice,
  space: Space,
  options: WarpOptions,
): Augmented {
  const [, height, width] = sizesOf("randAugment", batch.images);
  const is = (name: (typeof operations)[number]) => operation.eq(operations.indexOf(name));
  const signed = part.mul(sign);
  const only = (name: (typeof operations)[number], value: Tensor, none = 0) => where(is(name), value, none);
  const [shearX, shearY] = [only("shearX", signed.mul(space.shear)), only("shearY", signed.mul(space.shear))];
  const turn = affineWarp(
    {
      // Rotation alone is counter-clockwise in torchvision.
      angle: only("rotate", signed.mul(-space.degrees)),
      translate: [
        only("translateX", signed.mul(space.translate[0]).trunc()),
        only("translateY", signed.mul(space.translate[1]).trunc()),
      ],
    },
    [height, width],
  );
  // Shears are about the upper left corner.
  const [b, c] = [turn.b, turn.c].map((entry) => entry as Tensor) as [Tensor, Tensor];
  const warp = {
    ...turn,
    b: b.add(shearX),
    c: c.add(shearY),
    tx: (turn.tx as Tensor).add(shearX.mul(height / 2)),
    ty: (turn.ty as Tensor).add(shearY.mul(width / 2)),
  };
  const moved = warpAll(batch, warp, options);
  const x = moved.images;
  // Brightness, colour, contrast and sharpness are one blend, each with something else.
  const grey = luma(x);
  const pick = (name: (typeof operations)[number], yes: Tensor, no: Tensor) =>
    where(perImage(is(name)), yes, no);
  const other = pick(
    "color",
    grey,
    pick("contrast", grey.mean([1, 2, 3], { keepDims: true }), pick("sharpness", smoothed(x), x.mul(0))),
  );
  const blends = (["brightness", "color", "contrast", "sharpness"] as const)
    .map(is)
    .reduce((some, one) => some.logicalOr(one));
  const mixed = blended(x, other, where(blends, signed.mul(space.factor).add(1), 1));
  const bits = part.mul(space.bits).round().neg().add(8);
  const images = pick(
    "posterize",
    posterized(x, bits),
    pick(
      "solarize",
      solarized(x, part.neg().add(1)),
      pick("autoContrast", autocontrasted(x), pick("equalize", equalized(x), mixed)),
    ),
  );
  return { ...moved, images };
}

function policy(
  name: string,
  count: number,
  warping: WarpOptions,
  partOf: (draw: Draw, batch: number) => Tensor,
  spaceOf: (height: number, width: number) => Space,
): Augmentation {
  return {
    name,
    apply(batch, draw) {
      const [size, height, width] = sizesOf(name, batch.images);
      const [black, white] = draw.range;
      const unit = black === 0 && white === 1;
      const spread = white - black;
      const options = {
        interpolation: "nearest",
        ...warping,
        fill: ((warping.fill ?? black) - black) / spread,
      } as const;
      let result: Augmented = unit ? batch : { ...batch, images: batch.images.sub(black).div(spread) };
      for (let i = 0; i < count; i++) {
        const own = { ...draw, key: random.foldIn(draw.key, i) };
        const choice = {
          operation: random.randint(keyOf(own, 1), [size], 0, operations.length),
          part: partOf(own, size),
          sign: where(random.bernoulli(keyOf(own, 2), [size]), 1, -1).astype("f32"),
        };
        result = applyChoice(result, choice, spaceOf(height, width), options);
      }
      return unit ? result : { ...result, images: result.images.mul(spread).add(black) };
    },
  };
}

export interface TrivialAugmentOptions extends WarpOptions {
  /** How many magnitudes there are; default 31. */
  readonly bins?: number;
}
export interface RandAugmentOptions extends TrivialAugmentOptions {
  /** Operations one after the other; default 2. */
  readonly operations?: number;
  /** Of all, from 0 to bins - 1; default 9. */
  readonly magnitude?: number;
}

function whole(op: string, name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new ConfigError(`${op}: ${name} must be a whole number from ${least} to ${most}; got ${value}.`);
}

/**
 * Some of fourteen operations for each sample, all of one magnitude: Cubuk et al., "RandAugment", 2020, with torchvision's magnitudes.
 * @throws ConfigError for numbers out of range.
 * @example augment([horizontalFlip(), randAugment({ magnitude: 9 })]);
 */
export function randAugment({
  operations: count = 2,
  magnitude = 9,
  bins = 31,
  ...options
}: RandAugmentOptions = {}): Augmentation {
  whole("randAugment", "operations", count, 1, 100);
  whole("randAugment", "bins", bins, 2, 1000);
  whole("randAugment", "magnitude", magnitude, 0, bins - 1);
  const part = (draw: Draw, batch: number) =>
    random
      .uniform(keyOf(draw, 3), [batch])
      .mul(0)
      .add(magnitude / (bins - 1));
  return policy("randAugment", count, options, part, randAugmentSpace);
}

/**
 * One of fourteen operations for each sample, of a magnitude drawn from a wide space: Müller and Hutter, "TrivialAugment", 2021.
 * @throws ConfigError for bins out of range.
 * @example augment([trivialAugment()]);
 */
export function trivialAugment({ bins = 31, ...options }: TrivialAugmentOptions = {}): Augmentation {
  whole("trivialAugment", "bins", bins, 2, 1000);
  const part = (draw: Draw, batch: number) =>
    random
      .randint(keyOf(draw, 3), [batch], 0, bins)
      .astype("f32")
      .div(bins - 1);
  return policy("trivialAugment", 1, options, part, () => trivialAugmentSpace);
}
