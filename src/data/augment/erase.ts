/** erase: a rectangle of each sample is painted over. */
import { arange, type Tensor, where } from "../../engine/tensor/index.ts";
import {
  type Augmentation,
  checkProbability,
  checkStrength,
  chosen,
  keyOf,
  type ProbabilityOptions,
  perImage,
  sizesOf,
} from "./augmentation.ts";
import { drawPlace, drawSides, type Windows } from "./resized-crop.ts";

export interface EraseOptions extends ProbabilityOptions {
  /** The rectangle's part of the area; default [0.02, 0.33]. */
  readonly scale?: readonly [min: number, max: number];
  /** Its height over its width; default [0.3, 3.3]. */
  readonly ratio?: readonly [min: number, max: number];
  /** What it is painted with; default 0. */
  readonly value?: number;
}

/** Which pixels lie in the windows: bool [batch, height, width, 1]. */
export function insideOf({ top, left, height, width }: Windows, rows: number, columns: number): Tensor {
  const y = arange(rows).reshape([1, rows, 1, 1]);
  const x = arange(columns).reshape([1, 1, columns, 1]);
  const within = (at: Tensor, start: Tensor, length: Tensor) =>
    at.ge(perImage(start)).logicalAnd(at.lt(perImage(start.add(length))));
  return within(y, top, height).logicalAnd(within(x, left, width));
}

/** The chosen samples (bool [batch]) with their windows painted over. */
export function erased(images: Tensor, windows: Windows, value: number, which: Tensor): Tensor {
  const [, height, width] = sizesOf("erase", images);
  return where(insideOf(windows, height, width).logicalAnd(perImage(which)), value, images);
}

/**
 * Random erasing, by default of half of the samples: Zhong et al., "Random erasing data augmentation", 2020, as torchvision's (ten
 * attempts to fit, then nothing); with ratio [1, 1] the cutout of DeVries and Taylor, 2017, that stays inside the image.
 * @throws ConfigError for scales outside of (0, 1] and ratios that are not above 0.
 * @example augment([erase({ probability: 0.25 })]);
 */
export function erase(options: EraseOptions = {}): Augmentation {
  const { scale = [0.02, 0.33], ratio = [0.3, 3.3], value = 0, probability = 0.5 } = options;
  checkProbability("erase", probability);
  checkStrength("erase", "scale", scale, 1e-6, 1);
  checkStrength("erase", "ratio", ratio, 1e-3, 1e3);
  return {
    name: "erase",
    apply(batch, draw) {
      const [count, height, width] = sizesOf("erase", batch.images);
      const fits = (h: Tensor, w: Tensor) => h.lt(height).logicalAnd(w.lt(width));
      const sides = drawSides(draw, count, height * width, scale, [1 / ratio[1], 1 / ratio[0]], fits);
      const windows = {
        top: drawPlace(keyOf(draw, 3), sides.height, height),
        left: drawPlace(keyOf(draw, 4), sides.width, width),
        height: sides.height.astype("i32"),
        width: sides.width.astype("i32"),
      };
      const yes = chosen("erase", draw, probability, count).logicalAnd(sides.none.logicalNot());
      return { ...batch, images: erased(batch.images, windows, value, yes) };
    },
  };
}

/** `erase` with squares. */
export const cutout = (options: Omit<EraseOptions, "ratio"> = {}): Augmentation => ({
  ...erase({ ...options, ratio: [1, 1] }),
  name: "cutout",
});
