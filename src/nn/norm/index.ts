export { BatchNorm, type BatchNormOptions } from "./batch-norm.ts";
export { GroupNorm, type GroupNormOptions, InstanceNorm } from "./group-norm.ts";
export { LayerNorm, type LayerNormOptions, RmsNorm, type RmsNormOptions } from "./layer-norm.ts";
export { recalibrate } from "./recalibrate.ts";
export {
  SpectralNorm,
  type SpectralNormOptions,
  type Weighted,
  WeightNoise,
  WeightNorm,
} from "./reparametrise.ts";
