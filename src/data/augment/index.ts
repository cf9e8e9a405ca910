/** Augmentation of images, inside the compiled step. */
export type { Augmentation, Augmented, Draw, ProbabilityOptions, Strength } from "./augmentation.ts";
export {
  brightness,
  type ColorJitterOptions,
  colorJitter,
  contrast,
  grayscale,
  hue,
  saturation,
} from "./colour.ts";
export { cutout, type EraseOptions, erase } from "./erase.ts";
export {
  type AffineOptions,
  affine,
  horizontalFlip,
  type RandomCropOptions,
  randomCrop,
  rotate,
  scale,
  shear,
  translate,
  verticalFlip,
} from "./geometric.ts";
export { cutmix, type MixOptions, mixup } from "./mix.ts";
export { type GaussianBlurOptions, gaussianBlur, gaussianNoise, sharpness } from "./neighbours.ts";
export { Augmenter, type AugmentOptions, augment, compose } from "./pipeline.ts";
export {
  type RandAugmentOptions,
  randAugment,
  type TrivialAugmentOptions,
  trivialAugment,
} from "./policy.ts";
export { type RandomResizedCropOptions, randomResizedCrop } from "./resized-crop.ts";
export { autocontrast, equalize, invert, posterize, solarize } from "./tone.ts";
export type { Interpolation, WarpOptions } from "./warp.ts";
